import type { PostgresConnection } from '@bpfleet/test-environment';

/** A connection as the URL that a process is configured with; a unix socket's folder goes into the query. */
export function postgresUrl(connection: PostgresConnection): string {
  if (typeof connection === 'string') return connection;
  const { host, port, user, database } = connection;
  return `postgres://${user}@/${database}?host=${encodeURIComponent(host)}&port=${port}`;
}
