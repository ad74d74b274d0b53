-- Every phase that a session entered, in their order: short ones too, which nobody who looks now and then would see. `told`: somebody
-- has passed it on, or nobody waits for it.
CREATE TABLE session_phases (
	session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
	number INTEGER NOT NULL,
	phase TEXT NOT NULL,
	message TEXT NOT NULL,
	at INTEGER NOT NULL,
	told INTEGER NOT NULL,
	PRIMARY KEY (session_id, number)
) STRICT, WITHOUT ROWID;
