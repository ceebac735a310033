import { type Agent, type AgentStatus, canonicalJson } from '@bpfleet/contract';
import type { DesiredContent, FleetSettings } from '../desired/desired-content.js';
import type { ControlDatabase } from '../postgres/control-database.js';
import type { Queries } from '../postgres/queries.js';
import { currentContents } from '../postgres/redistribute.js';
import { type AgentRow, agentOf } from '../postgres/rows.js';
import { touchRegistry } from '../postgres/touch-registry.js';
import { AgentStore, type StatusOutcome, type StoredDesired, type StoredEntry } from './agent-store.js';
import { agentNotFound } from './not-found.js';

const columns = 'id, labels, generation, status, last_heard_at';

export class PostgresAgentStore extends AgentStore {
  constructor(private readonly database: ControlDatabase) {
    super();
  }

  override async recordStatus(status: AgentStatus): Promise<StatusOutcome> {
    // Nearly always an agent that is known, with the labels it had: no other agent's status waits for this one.
    if (await this.database.read((client) => replaceStatus(client, status))) return 'taken';
    return this.database.change(async ({ client }) => {
      const before = await lockAgent(client, status.agent);
      if (before && isLate(status, before)) return 'late';
      await upsertAgent(client, status);
      // Its labels are others, or it is new.
      await touchRegistry(client);
      return 'taken';
    });
  }

  override turnNonce(id: string, next: string): Promise<readonly string[]> {
    return this.database.read(async (client) => {
      const { rows } = await client.query<{ nonces: string[] }>(
        'UPDATE control.agent SET nonces = (array_prepend($2::text, nonces))[1:3] WHERE id = $1 RETURNING nonces',
        [id, next],
      );
      return rows[0]?.nonces.slice(1) ?? [];
    });
  }

  override desired(id: string): Promise<StoredDesired> {
    return this.database.read(async (client) => {
      const agents = await client.query<{ generation: string; desired: DesiredContent }>(
        'SELECT generation, desired FROM control.agent WHERE id = $1',
        [id],
      );
      const [agent] = agents.rows;
      if (!agent) throw agentNotFound(id);
      const { filters, ...rest } = agent.desired;
      // A second look at the database cannot see another state: versions never change.
      const { rows } = await client.query<StoredEntry>(
        `SELECT filter, version, digest, interfaces FROM control.version
         JOIN unnest($1::text[], $2::int[]) AS desired(filter, version) USING (filter, version)
         WHERE bundle IS NOT NULL ORDER BY filter`,
        [filters.map(({ filter }) => filter), filters.map(({ version }) => version)],
      );
      return { generation: Number(agent.generation), entries: rows, ...rest };
    });
  }

  override get(id: string): Promise<Agent> {
    return this.database.read(async (client) => {
      const { rows } = await client.query<AgentRow>(`SELECT ${columns} FROM control.agent WHERE id = $1`, [id]);
      if (!rows[0]) throw agentNotFound(id);
      return agentOf(rows[0]);
    });
  }

  override list(after: string | undefined, limit: number): Promise<Agent[]> {
    return this.database.read(async (client) => {
      const { rows } = await client.query<AgentRow>(
        `SELECT ${columns} FROM control.agent WHERE id > $1 ORDER BY id LIMIT $2`,
        [after ?? '', limit],
      );
      return rows.map(agentOf);
    });
  }

  override applySettings(settings: FleetSettings): Promise<void> {
    return this.database.change(async ({ client }) => {
      await client.query('UPDATE control.fleet SET settings = $1', [JSON.stringify(settings)]);
    });
  }

  override ping(): Promise<void> {
    return this.database.read(async (client) => {
      await client.query('SELECT revision FROM control.fleet');
    });
  }
}

/** Of one epoch a later status has a higher sequence; a restarted agent has a new epoch and counts from the start. */
const isLate = (status: AgentStatus, before: { epoch: string; sequence: string }): boolean =>
  status.epoch === Number(before.epoch) && status.sequence <= Number(before.sequence);

/** @returns whether the agent is known, with these labels, and is not ahead of its generation, and this is no late status */
async function replaceStatus(client: Queries, status: AgentStatus): Promise<boolean> {
  const { rowCount } = await client.query(
    `UPDATE control.agent SET status = $2, epoch = $3, sequence = $4, last_heard_at = now()
     WHERE id = $1 AND labels = $5 AND generation >= $6 AND (epoch <> $3 OR sequence < $4)`,
    [
      status.agent,
      JSON.stringify(status),
      status.epoch,
      status.sequence,
      JSON.stringify(status.labels),
      status.generation,
    ],
  );
  return rowCount === 1;
}

async function lockAgent(client: Queries, id: string): Promise<{ epoch: string; sequence: string } | undefined> {
  const { rows } = await client.query<{ epoch: string; sequence: string }>(
    'SELECT epoch, sequence FROM control.agent WHERE id = $1 FOR UPDATE',
    [id],
  );
  return rows[0];
}

/**
 * An agent is never told a lower generation than it has (it would refuse it): a database that was restored, or made
 * anew, goes on above what its agents report.
 */
async function upsertAgent(client: Queries, status: AgentStatus): Promise<void> {
  const contentFor = await currentContents(client);
  await client.query(
    `INSERT INTO control.agent AS old (id, labels, desired, generation, epoch, sequence, status)
     VALUES ($1, $2, $3, $4::bigint + 1, $5, $6, $7)
     ON CONFLICT (id) DO UPDATE
       SET labels = excluded.labels, epoch = excluded.epoch, sequence = excluded.sequence, status = excluded.status,
           last_heard_at = now(),
           generation = CASE WHEN old.generation >= $4::bigint THEN old.generation ELSE $4::bigint + 1 END`,
    [
      status.agent,
      JSON.stringify(status.labels),
      canonicalJson(contentFor(status.labels)),
      status.generation,
      status.epoch,
      status.sequence,
      JSON.stringify(status),
    ],
  );
}
