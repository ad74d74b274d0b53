-- The repositories of a platform project: `document` as it was sent, `identities` the ids of the projects that were found at its
-- addresses. `version` is the number of the change that wrote it (meta.change), so that an ETag never fits two states.
CREATE TABLE project_repositories (
	project TEXT PRIMARY KEY,
	document TEXT NOT NULL,
	identities TEXT NOT NULL,
	version INTEGER NOT NULL CHECK (version > 0),
	updated_at INTEGER NOT NULL
) STRICT;

-- Installations of the GitHub App that a user has shown to be theirs.
CREATE TABLE github_installations (
	user_id TEXT NOT NULL,
	instance_url TEXT NOT NULL,
	installation_id INTEGER NOT NULL,
	account TEXT NOT NULL,
	installed_at INTEGER NOT NULL,
	updated_at INTEGER NOT NULL,
	PRIMARY KEY (user_id, instance_url, installation_id)
) STRICT, WITHOUT ROWID;

-- Of a session that names no repositories: those of its project when it was created.
ALTER TABLE sessions ADD COLUMN project_repositories TEXT;

-- A repository is reached with a connection (then it is a record key, as before), an installation or the project's own token.
ALTER TABLE session_bindings RENAME COLUMN record_key TO credential;
ALTER TABLE session_bindings ADD COLUMN provider TEXT NOT NULL DEFAULT 'gitlab';

-- Housekeeping walks through connections in this order, page by page.
DROP INDEX connections_by_check;
CREATE INDEX connections_by_check ON connections (last_checked_at, record_key);
