-- Until when the workspace of an ended session is kept, because not all of its work could be pushed; 0: it is not.
ALTER TABLE sessions ADD COLUMN work_kept_until INTEGER NOT NULL DEFAULT 0;
