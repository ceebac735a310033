-- Up Migration

-- A version is a bundle: bytes that are signed as they are. Null in versions that an older release made, until the
-- service has built them again at its start.
ALTER TABLE control.version
  ADD direction text NOT NULL DEFAULT 'any',
  ADD sampling integer NOT NULL DEFAULT 1,
  ADD budget jsonb NOT NULL DEFAULT '{"packetsPerSecond": 0, "bytesPerSecond": 0}',
  ADD bundle bytea;
-- JSON of base64 hardly shrinks, and is read far more often than written.
ALTER TABLE control.version ALTER bundle SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX ON control.version (digest);

-- The keys that vouch for what an agent says.
CREATE TABLE control.identity (
  -- raw Ed25519, base64
  public_key text COLLATE "C" PRIMARY KEY,
  agent text COLLATE "C" NOT NULL,
  labels jsonb NOT NULL,
  enrolled_at timestamptz NOT NULL DEFAULT now(),
  revoked_at timestamptz
);
CREATE UNIQUE INDEX ON control.identity (agent) WHERE revoked_at IS NULL;

-- An agent is known from its enrolment on; its first status comes later.
ALTER TABLE control.agent ALTER status DROP NOT NULL;

-- Calls of agents that were answered: their tokens count once. Lost in a crash, which is no longer than they live.
CREATE UNLOGGED TABLE control.used_token (
  jti text COLLATE "C" NOT NULL,
  agent text COLLATE "C" NOT NULL,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (agent, jti)
);
CREATE INDEX ON control.used_token (expires_at);

-- The signing key of a fleet that was given none. One row at most.
CREATE TABLE control.signing_key (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  -- PKCS #8 in PEM
  private_key text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

-- Grows when something changes that other services are told: agents, their labels and keys, filters, versions. One row,
-- of a table of its own: it is always the last that a transaction locks.
CREATE TABLE control.registry (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  revision bigint NOT NULL
);
INSERT INTO control.registry (revision) VALUES (1);

-- Keys are settings of the fleet: agents get a new generation when they change. Without keys nothing is handed out.
UPDATE control.fleet SET settings = settings || '{"linkerVersion": 1, "keys": [], "revokedKeys": []}'
  || jsonb_build_object('settings', settings->'settings' || '{"budgets": {}}');
