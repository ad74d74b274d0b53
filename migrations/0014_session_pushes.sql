-- The commits that the git gate let on their way to a session's push branches, whoever sent them: its worker, its agent or its pod. Whether one
-- arrived, the branch at the remote tells.
CREATE TABLE session_pushes (
	number INTEGER PRIMARY KEY,
	session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
	repository TEXT NOT NULL,
	commit_id TEXT NOT NULL,
	UNIQUE (session_id, repository, commit_id)
) STRICT;
