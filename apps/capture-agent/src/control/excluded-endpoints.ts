import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Endpoint } from '@bpfleet/contract';
import type { Logger } from 'pino';

/** One side of a TCP connection of bpfleet itself. */
export interface ExcludedEndpoint {
  readonly address: string;
  readonly port: number;
}

/**
 * The addresses behind bpfleet's own endpoints, sorted, so that the same set gives the same program. A name that does
 * not resolve is left out, with a warning: the agent cannot have a connection to it either.
 */
export async function resolveExcluded(endpoints: readonly Endpoint[], logger: Logger): Promise<ExcludedEndpoint[]> {
  const found = new Map<string, ExcludedEndpoint>();
  await Promise.all(
    endpoints.map(async ({ host, port }) => {
      for (const address of await addressesOf(host, logger)) found.set(`${address} ${port}`, { address, port });
    }),
  );
  return [...found.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, endpoint]) => endpoint);
}

async function addressesOf(host: string, logger: Logger): Promise<string[]> {
  const bare = host.replace(/^\[|\]$/g, '');
  if (isIP(bare)) return [bare];
  try {
    return (await lookup(bare, { all: true })).map(({ address }) => address);
  } catch (err) {
    logger.warn({ err, host }, 'excluded endpoint does not resolve');
    return [];
  }
}

/** `host:port`, `[v6]:port` or a URL as an endpoint. */
export function parseEndpoint(text: string): Endpoint {
  const url = new URL(text.includes('://') ? text : `tcp://${text}`);
  const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80);
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port };
}
