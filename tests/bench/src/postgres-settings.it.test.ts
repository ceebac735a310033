import { createPool } from '@bpfleet/store';
import { startTemporaryPostgres } from '@bpfleet/store/embedded';
import { expect, it } from 'vitest';
import { describePostgres } from './postgres-settings.js';

it('says what a figure depends on and a server of an operator may have otherwise', async () => {
  const server = await startTemporaryPostgres({ settings: { shared_buffers: '32MB', max_wal_size: '2GB' } });
  const pool = createPool({ connection: server.connectionConfig, name: 'test', onError: () => {} });
  try {
    expect(await describePostgres(pool)).toBe(
      'Postgres with fsync on, jit off, max_wal_size 2GB, shared_buffers 32MB, synchronous_commit on',
    );
  } finally {
    await pool.end();
    await server.stop();
  }
});
