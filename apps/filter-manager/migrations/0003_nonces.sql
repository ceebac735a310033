-- Up Migration

-- Given to the agent for its statements, the newest first.
ALTER TABLE control.agent ADD nonces text[] NOT NULL DEFAULT '{}';
