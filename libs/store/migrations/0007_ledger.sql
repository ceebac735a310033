-- Up Migration

-- What is stored of each epoch of an agent, beside what the agent itself has counted. Times in Unix ns.
CREATE TABLE analytics.ledger (
  agent text COLLATE "C" NOT NULL,
  epoch bigint NOT NULL,
  -- of the packets stored
  first_ns bigint NOT NULL,
  last_ns bigint NOT NULL,
  sections bigint NOT NULL,
  packets bigint NOT NULL,
  last_seq bigint NOT NULL,
  -- the agent's own counters as of last_seq, since the epoch began; null where its sections carry no ledger
  captured bigint,
  kept bigint,
  dropped bigint,
  PRIMARY KEY (agent, epoch)
) WITH (fillfactor = 50);

-- Packets that an agent's hosts had and that are not stored, by minute: few rows, since mostly nothing is lost.
CREATE TABLE analytics.agent_loss (
  agent text COLLATE "C" NOT NULL,
  epoch bigint NOT NULL,
  -- kernel: dropped by its rings; killed: lost with the agent's process; missing: sections that did not come
  kind text COLLATE "C" NOT NULL,
  minute_ns bigint NOT NULL,
  -- when it happened: not before, not after
  from_ns bigint NOT NULL,
  to_ns bigint NOT NULL,
  sections bigint NOT NULL,
  packets bigint NOT NULL,
  PRIMARY KEY (agent, epoch, kind, minute_ns)
);
CREATE INDEX ON analytics.agent_loss (to_ns);

-- The newest packet that was stored of the partition before: the lost records are younger.
ALTER TABLE analytics.loss ADD after_ns bigint;
CREATE INDEX ON analytics.loss (noticed_at);
