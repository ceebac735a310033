import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isIP } from 'node:net';
import { listenError } from '../listen-error.js';
import type { Logger } from '../logger.js';
import { prepareServer } from '../prepare-server.js';

/** What `listen` needs of a Nest app. */
export interface Listener {
  listen(port: number, host: string): Promise<unknown>;
  getHttpServer(): Server;
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
  prepareServer(app.getHttpServer());
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
