import type { TestPostgres } from './postgres.js';
import { notePostgres } from './servers-used.js';

/** The release that bpfleet embeds, as people run it beside the services. */
export const postgresImage = 'postgres:18';

/** A Postgres in a container, by Testcontainers. */
export async function startContainerPostgres(settings: Readonly<Record<string, string>> = {}): Promise<TestPostgres> {
  // Loaded late: nothing else needs it, and it takes a second.
  const { PostgreSqlContainer } = await import('@testcontainers/postgresql');
  const container = await new PostgreSqlContainer(postgresImage)
    .withCommand(['postgres', ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])])
    .start();
  const connection = container.getConnectionUri();
  const version = await notePostgres(connection, 'container');
  return { connection, version, stop: async () => void (await container.stop()) };
}
