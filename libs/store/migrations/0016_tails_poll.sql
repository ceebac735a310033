-- Up Migration

-- Postgres has one lock for all commits that send a notification, and holds it while the commit is written to disk: partitions
-- would commit one after another. Whoever follows looks by itself.
DROP TRIGGER tell_tails ON analytics.position;
DROP FUNCTION analytics.tell_tails();
