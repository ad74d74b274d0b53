-- Repositories that were added to a session and removed from it after its creation, in their order: a JSON array; NULL: none. They lie
-- beside the object, which stays as it was asked for.
ALTER TABLE sessions ADD COLUMN repository_changes TEXT;
