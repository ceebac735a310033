import { createPool } from '@bpfleet/store';
import type { PostgresConnection } from './postgres.js';

const used = new Set<string>();

/** Of a server that this process has started or was told of: its name with its version and the way it came here. */
export function noteServer(server: string): void {
  used.add(server);
}

/** What the figures of this process were measured with. */
export const serversUsed = (): readonly string[] => [...used];

/** @param route `embedded`, say @returns its version, as in `18.4 (embedded)` */
export async function notePostgres(connection: PostgresConnection, route: string): Promise<string> {
  const pool = createPool({ connection, name: 'bpfleet-test', maxConnections: 1, onError: () => undefined });
  try {
    const { rows } = await pool.query<{ server_version: string }>('SHOW server_version');
    const version = `${rows[0]!.server_version} (${route})`;
    noteServer(`Postgres ${version}`);
    return version;
  } finally {
    await pool.end();
  }
}
