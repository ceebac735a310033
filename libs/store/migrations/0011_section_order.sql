-- Up Migration

-- In the order that sections are asked for: an order that an index has only in part is sorted 32 rows at a time, so that a
-- step to the next 8 sections went on to the next 32, and the step behind it did so again. With what decides whether a
-- section is in the range, sections that were passed over are counted without a look at their rows.
CREATE INDEX ON analytics.section (ts_max, agent, epoch, seq) INCLUDE (ts_min, ingested_at);
CREATE INDEX ON analytics.section (ts_min, agent, epoch, seq);
DROP INDEX analytics.section_ts_max_idx, analytics.section_ts_min_idx;
