import type { Enrolment } from '@bpfleet/contract';
import { introduceAgent } from '../agents/introduce-agent.js';
import type { ControlDatabase } from '../postgres/control-database.js';
import type { Queries } from '../postgres/queries.js';
import { touchRegistry } from '../postgres/touch-registry.js';
import { IdentityStore } from './identity-store.js';
import { agentHasAnotherKey, keyHasAnotherAgent, keyIsRevoked } from './refusals.js';

const PURGE_EVERY_MS = 60_000;

export class PostgresIdentityStore extends IdentityStore {
  #purgeAtMs = 0;

  constructor(private readonly database: ControlDatabase) {
    super();
  }

  override async enrol(enrolment: Enrolment): Promise<void> {
    // Agents say it again at each start, a whole fleet of them after an outage.
    if (await this.database.read((client) => isEnrolled(client, enrolment))) return;
    await this.database.transaction(async (client) => {
      const { agent, identityPublicKey, labels } = enrolment;
      // What the agent should run is worked out from assignments that nobody else changes meanwhile. It is nobody
      // else's business: no other agent's state is looked at.
      await client.query('SELECT FROM control.fleet FOR UPDATE');
      const { rowCount } = await client.query(
        `INSERT INTO control.identity (public_key, agent, labels)
         SELECT $1, $2, $3 WHERE NOT EXISTS (
           SELECT FROM control.identity WHERE agent = $2 AND revoked_at IS NULL AND public_key <> $1)
         ON CONFLICT (public_key) DO NOTHING`,
        [identityPublicKey, agent, JSON.stringify(labels)],
      );
      if (rowCount === 0) await refuseOther(client, enrolment);
      const isNew = await introduceAgent(client, agent, labels);
      if (isNew || rowCount === 1) await touchRegistry(client);
    });
  }

  override keysOf(agent: string): Promise<readonly string[]> {
    return this.database.read(async (client) => {
      const { rows } = await client.query<{ public_key: string }>(
        'SELECT public_key FROM control.identity WHERE agent = $1 AND revoked_at IS NULL',
        [agent],
      );
      return rows.map(({ public_key }) => public_key);
    });
  }

  override useToken(agent: string, jti: string, expiresAt: Date): Promise<boolean> {
    return this.database.read(async (client) => {
      await this.#purge(client);
      const { rowCount } = await client.query(
        'INSERT INTO control.used_token (agent, jti, expires_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
        [agent, jti, expiresAt],
      );
      return rowCount === 1;
    });
  }

  async #purge(client: Queries): Promise<void> {
    const nowMs = Date.now();
    if (nowMs < this.#purgeAtMs) return;
    this.#purgeAtMs = nowMs + PURGE_EVERY_MS;
    await client.query('DELETE FROM control.used_token WHERE expires_at < $1', [new Date(nowMs)]);
  }
}

async function isEnrolled(client: Queries, { agent, identityPublicKey }: Enrolment): Promise<boolean> {
  const { rowCount } = await client.query(
    `SELECT FROM control.identity JOIN control.agent ON agent.id = identity.agent
     WHERE public_key = $1 AND agent = $2 AND revoked_at IS NULL`,
    [identityPublicKey, agent],
  );
  return rowCount === 1;
}

/** @throws unless the key that is there is this agent's, and counts */
async function refuseOther(client: Queries, { agent, identityPublicKey }: Enrolment): Promise<void> {
  const { rows } = await client.query<{ agent: string; revoked_at: Date | null }>(
    'SELECT agent, revoked_at FROM control.identity WHERE public_key = $1',
    [identityPublicKey],
  );
  const [known] = rows;
  if (!known) throw agentHasAnotherKey(agent);
  if (known.agent !== agent) throw keyHasAnotherAgent(agent, known.agent);
  if (known.revoked_at) throw keyIsRevoked(agent);
}
