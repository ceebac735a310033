import type { PostgresConnection } from './postgres.js';
import type { TcpProxy } from './tcp-proxy.js';

/** Lets the proxy carry connections to this Postgres. @returns `postgres://…` by that way */
export function postgresThrough(proxy: TcpProxy, connection: PostgresConnection): string {
  if (typeof connection !== 'string') {
    const { host, port, user, database } = connection;
    // The embedded one listens on a Unix socket, whose name is PostgreSQL's own.
    proxy.forwardTo(`${host}/.s.PGSQL.${port}`);
    return `postgres://${user}@127.0.0.1:${proxy.port}/${database}`;
  }
  const url = new URL(connection);
  proxy.forwardTo(Number(url.port));
  url.host = `127.0.0.1:${proxy.port}`;
  return url.href;
}
