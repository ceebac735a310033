import type { AddressInfo } from 'node:net';
import { isIP } from 'node:net';
import { BpfleetError } from '@bpfleet/errors';
import type { Logger } from '../logger.js';

/** What `listen` needs of a Nest app. */
export interface Listener {
  listen(port: number, host: string): Promise<unknown>;
  getHttpServer(): { address(): AddressInfo | string | null };
}

export interface ListenOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly logger: Logger;
}

/**
 * Opens an app's port.
 * @returns where it is reached: `http://127.0.0.1:7420`
 * @throws BpfleetError `PORT_TAKEN`; `CONFIG_INVALID` for an address or a port this process cannot have
 */
export async function listen(app: Listener, { host, port, logger }: ListenOptions): Promise<{ url: string }> {
  try {
    await app.listen(port, host);
  } catch (cause) {
    throw listenError(cause, host, port);
  }
  const address = app.getHttpServer().address() as AddressInfo;
  const url = `http://${isIP(host) === 6 ? `[${host}]` : host}:${address.port}`;
  logger.info({ url }, 'listening');
  if (!isLoopback(host)) {
    logger.warn({ host }, 'listening beyond this host without authentication: keep the network around it closed');
  }
  return { url };
}

/** Anybody on this host may reach loopback; on any other address, anybody who can route to it. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));

/** Why a port could not be opened, as a person can act on it. For servers that do not come from `createNestApp`, too. */
export function listenError(cause: unknown, host: string, port: number): unknown {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  switch (code) {
    case 'EADDRINUSE':
      return new BpfleetError('PORT_TAKEN', `port ${port} on ${host} is taken`, {
        cause,
        hint: `stop the process that holds it (ss -ltnp "sport = :${port}"), or set BPFLEET_PORT to a free one`,
      });
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new BpfleetError('CONFIG_INVALID', `this host has no address ${host}`, {
        cause,
        hint: 'set BPFLEET_LISTEN to an address of this host: 127.0.0.1, or 0.0.0.0 for all of them',
      });
    case 'EACCES':
      return new BpfleetError('CONFIG_INVALID', `this user may not listen on port ${port}`, {
        cause,
        hint: 'ports below 1024 are for root: set BPFLEET_PORT to a higher one',
      });
    default:
      return cause;
  }
}
