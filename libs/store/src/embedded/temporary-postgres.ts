import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EmbeddedConnection, EmbeddedPostgres, type EmbeddedPostgresOptions } from './embedded-postgres.js';

export interface TemporaryPostgres {
  readonly connectionConfig: EmbeddedConnection;
  /** Stops it and removes its files. */
  stop(): Promise<void>;
}

/** An empty Postgres for a test or a measurement, in a folder of its own. */
export async function startTemporaryPostgres(
  options: Omit<EmbeddedPostgresOptions, 'dataDir'> = {},
): Promise<TemporaryPostgres> {
  const folder = await mkdtemp(join(tmpdir(), 'bpfleet-temporary-'));
  const server = new EmbeddedPostgres({ dataDir: join(folder, 'postgres'), ...options });
  try {
    const { connectionConfig } = await server.start();
    return {
      connectionConfig,
      async stop() {
        await server.stop();
        await rm(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}
