import { once } from 'node:events';
import type pg from 'pg';
import { from } from 'pg-copy-streams';

/**
 * Sends encoded rows. Resolves when Postgres has taken all of them: `rows` may be overwritten then.
 * @param target table and columns: `analytics.section (log, partition)`
 */
export async function copyIn(client: pg.ClientBase, target: string, rows: Uint8Array): Promise<void> {
  const stream = client.query(from(`COPY ${target} FROM STDIN (FORMAT binary)`));
  stream.end(rows);
  await once(stream, 'finish');
}
