-- What the installation is and how far its changes have come. One row. `change` grows with every change of a connection and also
-- gives connections their generations, so that neither ever repeats. 0: the database took the place of a lost one and was not accepted.
CREATE TABLE meta (
	id INTEGER PRIMARY KEY CHECK (id = 1),
	installation TEXT NOT NULL,
	change INTEGER NOT NULL CHECK (change >= 0)
) STRICT;

-- A user's link to one instance. `sealed` is the token, where sealed values are kept in the database.
CREATE TABLE connections (
	record_key TEXT PRIMARY KEY,
	state TEXT NOT NULL CHECK (state IN ('live', 'disconnecting')),
	user_id TEXT NOT NULL,
	provider TEXT NOT NULL,
	instance_url TEXT NOT NULL,
	gitlab_user_id TEXT NOT NULL,
	username TEXT NOT NULL,
	token_name TEXT,
	scopes TEXT,
	expires_at TEXT,
	fingerprint TEXT NOT NULL,
	is_bot INTEGER NOT NULL,
	generation INTEGER NOT NULL,
	connected_at INTEGER NOT NULL,
	updated_at INTEGER NOT NULL,
	valid INTEGER NOT NULL,
	last_checked_at INTEGER NOT NULL,
	check_code TEXT,
	sealed BLOB
) STRICT;
CREATE INDEX connections_by_user ON connections (user_id);
CREATE INDEX connections_by_fingerprint ON connections (fingerprint);
CREATE INDEX connections_by_check ON connections (last_checked_at);

-- Changes under way. A connect that was overtaken by a newer one is kept until it is given up, because it may have left a value behind.
CREATE TABLE intents (
	record_key TEXT NOT NULL,
	action TEXT NOT NULL CHECK (action IN ('connect', 'disconnect')),
	generation INTEGER NOT NULL,
	overtaken INTEGER NOT NULL DEFAULT 0,
	created_at INTEGER NOT NULL,
	PRIMARY KEY (record_key, action, generation)
) STRICT, WITHOUT ROWID;
CREATE INDEX intents_by_age ON intents (created_at);

-- `final` repeats what the phase says, for the index. `attempt` is the fencing number of the worker that claimed last.
CREATE TABLE sessions (
	number INTEGER PRIMARY KEY AUTOINCREMENT,
	id TEXT NOT NULL UNIQUE,
	project TEXT NOT NULL,
	name TEXT NOT NULL,
	owner TEXT NOT NULL,
	idempotency_key TEXT,
	object TEXT NOT NULL,
	status TEXT NOT NULL,
	phase TEXT NOT NULL,
	final INTEGER NOT NULL,
	created_at INTEGER NOT NULL,
	attempt INTEGER NOT NULL DEFAULT 0,
	worker TEXT,
	lease_until INTEGER NOT NULL DEFAULT 0,
	gate_hash TEXT,
	stop_requested INTEGER NOT NULL DEFAULT 0,
	push_requested INTEGER NOT NULL DEFAULT 0,
	UNIQUE (project, name)
) STRICT;
CREATE UNIQUE INDEX sessions_by_idempotency_key ON sessions (owner, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX sessions_unfinished ON sessions (number) WHERE final = 0;

CREATE TABLE session_bindings (
	session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
	repository TEXT NOT NULL,
	record_key TEXT NOT NULL,
	instance_url TEXT NOT NULL,
	project_path TEXT NOT NULL,
	project_id INTEGER NOT NULL,
	push_branch TEXT,
	PRIMARY KEY (session_id, repository)
) STRICT, WITHOUT ROWID;

CREATE TABLE gate_outcomes (
	number INTEGER PRIMARY KEY,
	session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
	repository TEXT NOT NULL,
	operation TEXT NOT NULL,
	code TEXT NOT NULL,
	message TEXT NOT NULL,
	remediation TEXT NOT NULL,
	at INTEGER NOT NULL
) STRICT;
CREATE INDEX gate_outcomes_by_session ON gate_outcomes (session_id, number);
