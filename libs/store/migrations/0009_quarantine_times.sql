-- Up Migration

-- Every answer counts what is in quarantine of its range; the times of most records are not known.
CREATE INDEX ON analytics.quarantine (ts_max) WHERE ts_max IS NOT NULL;
