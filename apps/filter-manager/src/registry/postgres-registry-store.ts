import type { Registry } from '@bpfleet/contract';
import type { ControlDatabase } from '../postgres/control-database.js';
import type { Queries } from '../postgres/queries.js';
import { RegistryStore } from './registry-store.js';

interface IdentityRow {
  id: string;
  labels: Registry['agents'][number]['labels'];
  keys: { publicKey: string; revokedAt: string | null }[];
}
type VersionRow = Omit<Registry['versions'][number], 'snaplenBytes'> & { snaplen_bytes: number };

export class PostgresRegistryStore extends RegistryStore {
  constructor(private readonly database: ControlDatabase) {
    super();
  }

  override revision(): Promise<number> {
    return this.database.read(revisionOf);
  }

  override read(): Promise<Registry> {
    return this.database.read(async (client) => {
      // First: what changes meanwhile is in the rest or not, and has a higher revision in any case.
      const revision = await revisionOf(client);
      const identities = await client.query<IdentityRow>(IDENTITIES);
      const filters = await client.query<{ name: string; deleted: boolean }>(
        'SELECT name, deleted_at IS NOT NULL AS deleted FROM control.filter ORDER BY name',
      );
      const versions = await client.query<VersionRow>(
        `SELECT filter, version, digest, expression, snaplen_bytes, programs FROM control.version
         WHERE bundle IS NOT NULL ORDER BY filter, version`,
      );
      return {
        revision,
        agents: identities.rows.map(({ id, labels, keys }) => ({
          id,
          labels,
          identityKeys: keys.map(({ publicKey, revokedAt }) => ({
            publicKey,
            ...(revokedAt === null ? {} : { revokedAt: new Date(revokedAt).toISOString() }),
          })),
        })),
        filters: filters.rows,
        versions: versions.rows.map(({ snaplen_bytes, ...version }) => ({ ...version, snaplenBytes: snaplen_bytes })),
      };
    });
  }
}

async function revisionOf(client: Queries): Promise<number> {
  const { rows } = await client.query<{ revision: string }>('SELECT revision FROM control.registry');
  return Number(rows[0]!.revision);
}

/** Labels are those of the last status, or of the enrolment as long as there was none. */
const IDENTITIES = `
  SELECT identity.agent AS id, COALESCE(agent.labels, (array_agg(identity.labels ORDER BY enrolled_at DESC))[1]) AS labels,
    jsonb_agg(jsonb_build_object('publicKey', public_key, 'revokedAt', revoked_at) ORDER BY enrolled_at, public_key) AS keys
  FROM control.identity LEFT JOIN control.agent ON agent.id = identity.agent
  GROUP BY identity.agent, agent.labels ORDER BY identity.agent`;
