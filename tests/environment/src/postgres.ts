import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedPostgres } from '@bpfleet/store/embedded';
import { startContainerPostgres } from './postgres-container.js';
import { notePostgres } from './servers-used.js';

/** What `createPool` and `migrate` take; plain data, so that it can be handed to another process. */
export type PostgresConnection =
  | string
  | { readonly host: string; readonly port: number; readonly user: string; readonly database: string };

export interface TestPostgres {
  readonly connection: PostgresConnection;
  /** By its own word, with the way it came here, for what is printed. */
  readonly version: string;
  stop(): Promise<void>;
}

/** Nothing here must survive a crash, except in tests that start a Postgres of their own. */
const fast = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '100' };

/**
 * The Postgres `BPFLEET_TEST_POSTGRES_URL` names; one in a container where `BPFLEET_TEST_POSTGRES=container` asks for it;
 * else one of the npm package, in a folder that is removed after.
 */
export async function startPostgres(): Promise<TestPostgres> {
  const url = process.env.BPFLEET_TEST_POSTGRES_URL;
  if (url) {
    return { connection: url, version: await notePostgres(url, 'given'), stop: async () => undefined };
  }
  if (process.env.BPFLEET_TEST_POSTGRES === 'container') return startContainerPostgres(fast);
  const folder = await mkdtemp(join(tmpdir(), 'bpfleet-postgres-'));
  const server = new EmbeddedPostgres({ dataDir: join(folder, 'data'), settings: fast });
  const stop = async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const { connectionConfig } = await server.start();
    return { connection: connectionConfig, version: await notePostgres(connectionConfig, 'embedded'), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
