-- Up Migration

-- Names compare byte by byte: cursors walk them in an order that no locale changes.
CREATE TABLE control.filter (
  name text COLLATE "C" PRIMARY KEY,
  description text NOT NULL,
  -- goes on counting when a filter is made again after it was deleted: web@1 means one thing for ever
  last_version integer NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  deleted_at timestamptz
);

-- Never changed and never deleted: stored packets name the version that selected them.
CREATE TABLE control.version (
  filter text COLLATE "C" NOT NULL REFERENCES control.filter,
  version integer NOT NULL,
  expression text NOT NULL,
  interfaces text[] NOT NULL,
  snaplen_bytes integer NOT NULL,
  -- [{linkType, form, target, instructions}]
  programs jsonb NOT NULL,
  digest text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (filter, version)
);

CREATE TABLE control.assignment (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  filter text COLLATE "C" NOT NULL,
  version integer NOT NULL,
  selector text COLLATE "C" NOT NULL,
  -- the fleet's revision when it was last assigned: of two that select one agent, the higher one counts
  assigned_at_revision bigint NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (filter, selector),
  FOREIGN KEY (filter, version) REFERENCES control.version
);

CREATE TABLE control.agent (
  id text COLLATE "C" PRIMARY KEY,
  labels jsonb NOT NULL,
  -- what it should run, {filters, settings, excluded}, and how often that changed
  desired jsonb NOT NULL,
  generation bigint NOT NULL,
  -- of the last status: a late one of the same epoch is not taken
  epoch bigint NOT NULL,
  sequence bigint NOT NULL,
  status jsonb NOT NULL,
  last_heard_at timestamptz NOT NULL DEFAULT now()
);

-- One row. Whoever changes what agents should run updates it first, so that these changes happen one after the other.
CREATE TABLE control.fleet (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  revision bigint NOT NULL,
  -- the same for all agents: {settings, excluded}
  settings jsonb NOT NULL
);
INSERT INTO control.fleet (revision, settings)
VALUES (0, '{"settings": {"flushWindowMs": 200, "reportIntervalMs": 60000}, "excluded": []}');
