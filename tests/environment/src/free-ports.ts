import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

/** TCP ports nobody listens on at `host`; held all at once, so that they differ, and let go before they are answered. */
export async function freePorts(count: number, host = '127.0.0.1'): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  await Promise.all(servers.map((server) => once(server.listen(0, host), 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}
