-- In how many Secrets tokens lie, where they lie in Secrets: fixed at installation. NULL: nobody has used any yet.
ALTER TABLE meta ADD COLUMN secret_shards INTEGER CHECK (secret_shards > 0);
-- What housekeeping found when it last counted the stored tokens: those that no key opens, and those without a row. NULL: not yet.
ALTER TABLE meta ADD COLUMN values_broken INTEGER CHECK (values_broken >= 0);
ALTER TABLE meta ADD COLUMN values_orphaned INTEGER CHECK (values_orphaned >= 0);
