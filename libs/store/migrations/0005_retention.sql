-- Up Migration

-- What was given up, one row for each class (section, flow, rollup) and span of ingest: written before the partition goes,
-- so that no answer is silent about it.
CREATE TABLE analytics.not_retained (
  class text COLLATE "C" NOT NULL,
  -- the ingest time of its rows: from ingested_from up to, not including, ingested_to
  ingested_from timestamptz NOT NULL,
  ingested_to timestamptz NOT NULL,
  -- the packet times in there, in Unix ns; null where there was no packet
  ts_min bigint,
  ts_max bigint,
  -- the same of sections with clock_suspect
  suspect_ts_min bigint,
  suspect_ts_max bigint,
  -- as Postgres counts them: about
  rows bigint NOT NULL,
  bytes bigint NOT NULL,
  -- age, size
  reason text NOT NULL,
  given_up_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (class, ingested_from)
);
CREATE INDEX ON analytics.not_retained (class, ts_max);

-- Partitions that are on their way out: from the decision until the table is dropped.
CREATE TABLE analytics.leaving_partition (
  name text COLLATE "C" PRIMARY KEY,
  parent text COLLATE "C" NOT NULL,
  since timestamptz NOT NULL DEFAULT now()
);

-- Where each log ends, as the process that reads the partition last asked.
CREATE TABLE analytics.log_end (
  log text COLLATE "C" NOT NULL,
  partition integer NOT NULL,
  end_offset bigint NOT NULL,
  measured_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (log, partition)
) WITH (fillfactor = 50);
