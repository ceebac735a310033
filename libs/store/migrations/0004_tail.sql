-- Up Migration

-- Wakes whoever follows: sent by the commit itself. It carries nothing: readers look at `position`.
CREATE FUNCTION analytics.tell_tails() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('bpfleet_tail', '');
  RETURN NULL;
END $$;
CREATE TRIGGER tell_tails AFTER UPDATE OF next ON analytics.position
  FOR EACH STATEMENT EXECUTE FUNCTION analytics.tell_tails();

-- Whether a log was replaced since a reader last looked.
CREATE INDEX ON analytics.loss (log, partition) WHERE reason = 'log-replaced';
