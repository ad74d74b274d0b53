-- The uid of the pod that works for a session elsewhere, as its resource's status names it: its ServiceAccount's token is good at the git
-- gate. NULL: none.
ALTER TABLE sessions ADD COLUMN pod_uid TEXT;
