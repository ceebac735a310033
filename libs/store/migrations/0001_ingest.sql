-- Up Migration

-- Packet times (ts_min, ts_max, first_ns, last_ns) are Unix nanoseconds: timestamptz ends at microseconds.
-- Rows go to partitions by the hour of their ingest, on the database's clock: no host's clock decides where a row goes.

-- One row per record of the log: one pcapng section, untouched.
CREATE TABLE analytics.section (
  -- Queries look at the first few columns of every row of a range. Postgres walks a row up to the column it needs, and fast
  -- as long as they have a fixed length: with the texts in front, passing over a row takes twice as long.
  ts_max bigint NOT NULL,
  ts_min bigint NOT NULL,
  ingested_at timestamptz NOT NULL DEFAULT now(),
  packets integer NOT NULL,
  bytes integer NOT NULL,
  -- the index does not know all that is in it: a query reads the body
  opaque boolean NOT NULL DEFAULT true,
  -- the host's clock was far off: the times above do not widen partition_range
  clock_suspect boolean NOT NULL DEFAULT false,
  partition integer NOT NULL,
  log_offset bigint NOT NULL,
  epoch bigint NOT NULL,
  seq bigint NOT NULL,
  crc32 bigint NOT NULL,
  -- packets the kernel dropped since the agent's section before
  dropped_by_kernel bigint NOT NULL DEFAULT 0,
  -- tokens of the addresses and ports inside
  bloom bytea,
  agent text COLLATE "C" NOT NULL,
  -- name@version of each filter that matched a packet
  filters text[] COLLATE "C" NOT NULL,
  log text COLLATE "C" NOT NULL,
  body bytea NOT NULL
) PARTITION BY RANGE (ingested_at);
-- The agent has compressed what is worth it: Postgres must not try again on each row.
ALTER TABLE analytics.section ALTER body SET STORAGE EXTERNAL, ALTER bloom SET STORAGE MAIN;
CREATE INDEX ON analytics.section (ts_max);
CREATE INDEX ON analytics.section (agent, ts_max);
CREATE INDEX ON analytics.section (agent, epoch, seq);

-- Packets of one 5-tuple in one commit.
CREATE TABLE analytics.flow (
  ingested_at timestamptz NOT NULL DEFAULT now(),
  agent text COLLATE "C" NOT NULL,
  filter text COLLATE "C" NOT NULL,
  source inet NOT NULL,
  destination inet NOT NULL,
  -- null where the protocol has no ports
  source_port integer,
  destination_port integer,
  protocol smallint NOT NULL,
  first_ns bigint NOT NULL,
  last_ns bigint NOT NULL,
  packets bigint NOT NULL,
  bytes bigint NOT NULL,
  -- all flags seen, or-ed
  tcp_flags smallint NOT NULL
) PARTITION BY RANGE (ingested_at);
CREATE INDEX ON analytics.flow (source, last_ns);
CREATE INDEX ON analytics.flow (destination, last_ns);

-- What packet times the sections of one ingest hour hold: queries by packet time skip the other hours.
-- One row per partition of the log, so that two writers never wait for each other.
CREATE TABLE analytics.partition_range (
  hour timestamptz NOT NULL,
  log text COLLATE "C" NOT NULL,
  partition integer NOT NULL,
  ts_min bigint,
  ts_max bigint,
  -- the same of sections with clock_suspect, apart: one host in 1970 must not make every query read this hour
  suspect_ts_min bigint,
  suspect_ts_max bigint,
  PRIMARY KEY (hour, log, partition)
) WITH (fillfactor = 50);

-- Records that could not be taken, whole, with the reason: visible, and can be published again.
CREATE TABLE analytics.quarantine (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  quarantined_at timestamptz NOT NULL DEFAULT now(),
  log text COLLATE "C" NOT NULL,
  partition integer NOT NULL,
  log_offset bigint NOT NULL,
  reason text NOT NULL,
  detail text NOT NULL,
  -- as far as the headers could be read
  agent text COLLATE "C",
  ts_min bigint,
  ts_max bigint,
  key text NOT NULL,
  headers jsonb NOT NULL,
  body bytea NOT NULL
);
ALTER TABLE analytics.quarantine ALTER body SET STORAGE EXTERNAL;
CREATE INDEX ON analytics.quarantine (quarantined_at);

-- Records of the log that were never seen: offsets from first_offset up to, not including, end_offset.
CREATE TABLE analytics.loss (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  noticed_at timestamptz NOT NULL DEFAULT now(),
  log text COLLATE "C" NOT NULL,
  partition integer NOT NULL,
  first_offset bigint NOT NULL,
  end_offset bigint NOT NULL,
  reason text NOT NULL,
  detail text NOT NULL
);

-- Which sections of an agent's epoch are stored: what arrives again is dropped.
CREATE TABLE analytics.progress (
  agent text COLLATE "C" NOT NULL,
  epoch bigint NOT NULL,
  seqs int8multirange NOT NULL,
  -- of the last commit: which of its sequence numbers were stored before it. Read by that same statement.
  repeated int8multirange NOT NULL DEFAULT '{}',
  -- ts_min of the first commit of this epoch
  first_ns bigint NOT NULL,
  PRIMARY KEY (agent, epoch)
) WITH (fillfactor = 50);

-- How far each partition of each log is stored, and who may go on.
CREATE TABLE analytics.position (
  log text COLLATE "C" NOT NULL,
  partition integer NOT NULL,
  next bigint NOT NULL,
  -- grows with each owner: only the newest may commit
  fence bigint NOT NULL,
  owner text NOT NULL,
  taken_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (log, partition)
) WITH (fillfactor = 50);

-- Our own part of a log's id: positions of another database never fit this one.
CREATE TABLE analytics.log_identity (
  name text COLLATE "C" PRIMARY KEY,
  id uuid NOT NULL DEFAULT gen_random_uuid()
);
