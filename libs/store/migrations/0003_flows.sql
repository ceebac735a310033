-- Up Migration

-- Flows are derived from the sections, some seconds later. This says how far: sections at and behind flows_next are not in
-- the tables below yet. They were ingested at flows_at or later, give or take a minute of a clock that steps back.
-- 0 for what is there already: its owner makes the flows of all stored sections anew.
ALTER TABLE analytics.position
  ADD flows_next bigint NOT NULL DEFAULT 0,
  ADD flows_at timestamptz NOT NULL DEFAULT now();
UPDATE analytics.position SET flows_at = 'epoch';

-- Finds the sections behind flows_next. The log is left out: there are few of them, and its id is long.
CREATE INDEX ON analytics.section (partition, log_offset);

-- Packets of one 5-tuple that were ingested within some seconds and captured in one minute.
DROP TABLE analytics.flow;
CREATE TABLE analytics.flow (
  -- The order of columns leaves no padding: there are many rows.
  ingested_at timestamptz NOT NULL DEFAULT now(),
  first_ns bigint NOT NULL,
  -- in the same minute as first_ns
  last_ns bigint NOT NULL,
  bytes bigint NOT NULL,
  packets integer NOT NULL,
  -- null where the protocol has no ports, in later fragments, and where they were cut off
  source_port integer,
  destination_port integer,
  protocol smallint NOT NULL,
  -- all flags seen, or-ed
  tcp_flags smallint NOT NULL,
  -- false: behind VLAN tags or extension headers that a filter expression sees and this row does not tell
  is_plain boolean NOT NULL,
  agent text COLLATE "C" NOT NULL,
  -- the versions that stored these packets: web@3,dns@1
  filters text COLLATE "C" NOT NULL,
  -- for each of them how many packets one stands for: 1,10; empty where all are 1
  weights text COLLATE "C" NOT NULL,
  source inet NOT NULL,
  destination inet NOT NULL
) PARTITION BY RANGE (ingested_at);
CREATE INDEX ON analytics.flow (source);
CREATE INDEX ON analytics.flow (destination);
-- Few: what an expression leaves undecided is counted by it.
CREATE INDEX ON analytics.flow (first_ns) WHERE NOT is_plain;

-- Of which hours of packet time flows were ingested in which hour: questions pass by the other partitions.
CREATE TABLE analytics.flow_hours (
  ingest_hour timestamptz NOT NULL,
  -- of the log: writers of several do not wait for each other
  partition integer NOT NULL,
  -- Unix ns of its begin
  hour_ns bigint NOT NULL,
  PRIMARY KEY (ingest_hour, partition, hour_ns)
);

-- The sums of flows of one minute, agent and list of versions; late packets add a row.
CREATE TABLE analytics.flow_minute (
  ingested_at timestamptz NOT NULL DEFAULT now(),
  -- Unix ns of its begin
  bucket_ns bigint NOT NULL,
  packets bigint NOT NULL,
  bytes bigint NOT NULL,
  -- of those, what is not IP and so has no flow
  other_packets bigint NOT NULL,
  other_bytes bigint NOT NULL,
  agent text COLLATE "C" NOT NULL,
  filters text COLLATE "C" NOT NULL,
  weights text COLLATE "C" NOT NULL,
  -- merged with its neighbours of the same minute, and part of a row of flow_hour
  is_merged boolean NOT NULL DEFAULT false,
  is_in_hour boolean NOT NULL DEFAULT false,
  -- packets and bytes of each protocol with each service's port, and of each host, as libs/store/src/flows/sums.ts writes them
  services bytea NOT NULL,
  hosts bytea NOT NULL
) PARTITION BY RANGE (ingested_at);
ALTER TABLE analytics.flow_minute ALTER services SET STORAGE EXTERNAL, ALTER hosts SET STORAGE EXTERNAL;
CREATE INDEX ON analytics.flow_minute (bucket_ns);
-- What is still to be merged, and to become part of an hour.
CREATE INDEX ON analytics.flow_minute (bucket_ns) WHERE NOT is_merged;
CREATE INDEX ON analytics.flow_minute (bucket_ns) WHERE NOT is_in_hour;

-- The same of one hour.
CREATE TABLE analytics.flow_hour (
  ingested_at timestamptz NOT NULL DEFAULT now(),
  bucket_ns bigint NOT NULL,
  packets bigint NOT NULL,
  bytes bigint NOT NULL,
  -- of those, what is not IP and so has no flow
  other_packets bigint NOT NULL,
  other_bytes bigint NOT NULL,
  agent text COLLATE "C" NOT NULL,
  filters text COLLATE "C" NOT NULL,
  weights text COLLATE "C" NOT NULL,
  services bytea NOT NULL,
  hosts bytea NOT NULL
) PARTITION BY RANGE (ingested_at);
ALTER TABLE analytics.flow_hour ALTER services SET STORAGE EXTERNAL, ALTER hosts SET STORAGE EXTERNAL;
CREATE INDEX ON analytics.flow_hour (bucket_ns);
