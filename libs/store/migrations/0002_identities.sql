-- Up Migration

-- The session key that signs an epoch's sections: the first one that came. Null where nobody signed.
ALTER TABLE analytics.progress ADD session_key text COLLATE "C";

-- Agents that seem to be several: sections of one place with other bytes, of one epoch under another key, or of an older
-- epoch that were captured while a newer one ran.
CREATE TABLE analytics.identity_conflict (
  agent text COLLATE "C" NOT NULL,
  epoch bigint NOT NULL,
  -- other-bytes, other-key: their sections are in quarantine; overlap: they are stored
  kind text COLLATE "C" NOT NULL,
  sections bigint NOT NULL,
  first_noticed_at timestamptz NOT NULL DEFAULT now(),
  last_noticed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (agent, epoch, kind)
);

-- What the filter-manager told last: agents with their keys, filters, versions. One row.
CREATE TABLE analytics.registry (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  revision bigint NOT NULL,
  document jsonb NOT NULL,
  heard_at timestamptz NOT NULL DEFAULT now()
);
