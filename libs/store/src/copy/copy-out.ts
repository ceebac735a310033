import type pg from 'pg';
import { to } from 'pg-copy-streams';
import { lendConnection } from '../lend-connection.js';
import { CopyDecoder, type CopyField } from './copy-decoder.js';

/**
 * Runs a query and reads its rows in binary. `pg` itself reads binary results as UTF-8 and thereby damages bytea.
 * Cancelled in Postgres, too, when the signal is aborted.
 * @param query without parameters, as COPY takes none
 */
export async function copyOut<Row>(
  pool: pg.Pool,
  query: string,
  decode: (fields: readonly CopyField[]) => Row,
  signal?: AbortSignal,
): Promise<Row[]> {
  const rows: Row[] = [];
  await copyEach(pool, query, decode, (row) => rows.push(row), signal);
  return rows;
}

/** The same, each row told as it arrives. */
export async function copyEach<Row>(
  pool: pg.Pool,
  query: string,
  decode: (fields: readonly CopyField[]) => Row,
  tell: (row: Row) => void,
  signal?: AbortSignal,
): Promise<void> {
  await lendConnection(pool, signal, (client) => tellRows(client, query, decode, tell));
}

/** The same within a transaction of the caller. */
export async function copyRows<Row>(
  client: pg.ClientBase,
  query: string,
  decode: (fields: readonly CopyField[]) => Row,
): Promise<Row[]> {
  const rows: Row[] = [];
  await tellRows(client, query, decode, (row) => rows.push(row));
  return rows;
}

/** The same, each row told as it arrives. */
export async function tellRows<Row>(
  client: pg.ClientBase,
  query: string,
  decode: (fields: readonly CopyField[]) => Row,
  tell: (row: Row) => void,
): Promise<void> {
  const decoder = new CopyDecoder();
  const stream = client.query(to(`COPY (${query}) TO STDOUT (FORMAT binary)`));
  // The loop hears the first error: a query that was given up fails again when its connection is closed.
  stream.on('error', () => {});
  for await (const chunk of stream) {
    for (const fields of decoder.push(chunk as Buffer)) tell(decode(fields));
  }
  if (!decoder.isComplete) throw new Error('COPY ended before its last row');
}
