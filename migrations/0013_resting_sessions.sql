-- A session that waits for what is done elsewhere rests: nothing runs for it, and nobody holds it, until this time (unix seconds). NULL: it
-- never has. It stays in the past when the session was taken up again, since what it needs lies in a workspace from then on.
ALTER TABLE sessions ADD COLUMN rests_until INTEGER;
-- The attempt that gave the session back of its own accord: only those after it may have died of the session.
ALTER TABLE sessions ADD COLUMN settled_attempt INTEGER NOT NULL DEFAULT 0;
CREATE INDEX sessions_resting ON sessions (rests_until) WHERE final = 0 AND rests_until IS NOT NULL;
