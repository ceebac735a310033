-- Up Migration

-- As many rows as spans of packet times that lie apart: what is between two of them was not given up.
ALTER TABLE analytics.not_retained
  DROP CONSTRAINT not_retained_pkey,
  -- of an imported file, and of records in quarantine: whose they were; empty: of several, or nobody knows
  ADD agent text COLLATE "C" NOT NULL DEFAULT '';
CREATE UNIQUE INDEX ON analytics.not_retained (class, ingested_from, agent, (ts_max / 3600000000000));

-- Of clocks that were far off, all of an hour stood in one span. Where that is long, only its ends are sure.
WITH suspect AS (
  SELECT *, suspect_ts_max - suspect_ts_min::numeric < 86400000000000 AS is_short
  FROM analytics.not_retained WHERE suspect_ts_max IS NOT NULL
)
INSERT INTO analytics.not_retained AS n (class, ingested_from, ingested_to, ts_min, ts_max, rows, bytes, reason, given_up_at)
SELECT class, ingested_from, ingested_to, suspect_ts_min, CASE WHEN is_short THEN suspect_ts_max ELSE suspect_ts_min END,
  0, 0, reason, given_up_at FROM suspect
UNION ALL
SELECT class, ingested_from, ingested_to, suspect_ts_max, suspect_ts_max, 0, 0, reason, given_up_at FROM suspect WHERE NOT is_short
ON CONFLICT (class, ingested_from, agent, (ts_max / 3600000000000)) DO UPDATE SET
  ts_min = LEAST(n.ts_min, excluded.ts_min), ts_max = GREATEST(n.ts_max, excluded.ts_max);
ALTER TABLE analytics.not_retained DROP COLUMN suspect_ts_min, DROP COLUMN suspect_ts_max;
