import { connect } from 'node:net';
import type pg from 'pg';

/** PostgreSQL documentation, 54.7, CancelRequest (F): Int32 length, Int32 code, Int32 process, Int32 secret key. */
const CANCEL_REQUEST = { bytes: 16, code: 80_877_102 } as const;
const WITHIN_MS = 2_000;

/**
 * Asks Postgres to end what a connection is busy with. On a socket of its own, which needs no login: a pool whose
 * connections are all taken is when it is wanted most.
 * Resolves when Postgres has told the connection's process, or cannot be reached: then the query runs into its time limit.
 */
export async function requestCancel(client: pg.ClientBase): Promise<void> {
  const { host, port, processID, secretKey } = client as pg.Client & { processID: number; secretKey: number };
  const request = Buffer.alloc(CANCEL_REQUEST.bytes);
  [CANCEL_REQUEST.bytes, CANCEL_REQUEST.code, processID, secretKey].forEach((word, index) => {
    request.writeInt32BE(word, 4 * index);
  });
  const socket = connect(host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host, port });
  socket.setTimeout(WITHIN_MS, () => socket.destroy());
  // Postgres never answers; it closes the connection behind what it did.
  socket.on('error', () => {}).resume();
  socket.write(request);
  await new Promise((resolve) => socket.once('close', resolve));
}
