-- Where the value of a change under way lies: each provider's values are kept apart.
ALTER TABLE intents ADD COLUMN provider TEXT NOT NULL DEFAULT 'gitlab';
