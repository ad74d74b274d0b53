-- The keyed hash of the token that a connect is about: whoever finishes it after a crash cannot compute it, and need not.
ALTER TABLE intents ADD COLUMN fingerprint TEXT;
