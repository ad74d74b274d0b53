-- When the gate last asked the API whether the bound project is still there, for any git request and for a push; unix seconds, 0: it has
-- not.
ALTER TABLE session_bindings ADD COLUMN confirmed_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE session_bindings ADD COLUMN push_confirmed_at INTEGER NOT NULL DEFAULT 0;
