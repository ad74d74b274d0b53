-- What ACP_NOTIFY_URL is to be told and has not taken yet. Handing one out moves `due_at` to the end of the lease; `attempts` counts
-- how often that happened, and is its fencing number.
CREATE TABLE notices (
	number INTEGER PRIMARY KEY AUTOINCREMENT,
	id TEXT NOT NULL UNIQUE,
	type TEXT NOT NULL,
	body TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	due_at INTEGER NOT NULL,
	attempts INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX notices_by_due ON notices (due_at, number);

-- What was told of a connection's token: the smallest number of days to its expiry, and that it is no longer accepted. It counts for
-- one generation: a token that was connected anew is another token.
CREATE TABLE token_notices (
	record_key TEXT PRIMARY KEY REFERENCES connections (record_key) ON DELETE CASCADE,
	generation INTEGER NOT NULL,
	expiry_days INTEGER NOT NULL,
	refused INTEGER NOT NULL
) STRICT;
