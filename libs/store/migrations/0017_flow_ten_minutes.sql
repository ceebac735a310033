-- Up Migration

-- The same of ten minutes: a range of an hour seldom has a whole hour in it.
CREATE TABLE analytics.flow_ten_minutes (LIKE analytics.flow_hour INCLUDING DEFAULTS INCLUDING STORAGE)
  PARTITION BY RANGE (ingested_at);
CREATE INDEX ON analytics.flow_ten_minutes (bucket_ns);
-- Part of a row of it. What is part of an hour need not be.
ALTER TABLE analytics.flow_minute ADD is_in_ten_minutes boolean NOT NULL DEFAULT false;
