import { once } from 'node:events';
import type pg from 'pg';
import { from } from 'pg-copy-streams';

/**
 * Sends encoded rows. Resolves when Postgres has taken all of them: `rows` may be overwritten then.
 * @param target table and columns: `analytics.section (log, partition)`
 */
export async function copyIn(client: pg.ClientBase, target: string, rows: Uint8Array): Promise<void> {
  const stream = client.query(from(`COPY ${target} FROM STDIN (FORMAT binary)`));
  // Of several errors `once` hears the first: a query that was given up fails again when its connection is closed.
  stream.on('error', () => {});
  stream.end(rows);
  await once(stream, 'finish');
}
