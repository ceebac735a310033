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
 * The addresses behind endpoints, sorted, so that the same set gives the same program. A name that is not resolved is left
 * out: the agent cannot have a connection to it either.
 * @param resolved names and their addresses
 */
export function excludedOf(
  endpoints: readonly Endpoint[],
  resolved: ReadonlyMap<string, readonly string[]>,
): ExcludedEndpoint[] {
  const found = new Map<string, ExcludedEndpoint>();
  for (const { host, port } of endpoints)
    for (const address of resolved.get(host) ?? literalOf(host)) found.set(`${address} ${port}`, { address, port });
  return [...found.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, endpoint]) => endpoint);
}

/** Undefined: the name does not resolve now, which is logged. */
export async function addressesOf(host: string, logger: Logger): Promise<readonly string[] | undefined> {
  const [literal] = literalOf(host);
  if (literal !== undefined) return [literal];
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch (err) {
    logger.warn({ err, host }, 'excluded endpoint does not resolve');
    return undefined;
  }
}

function literalOf(host: string): string[] {
  const bare = host.replace(/^\[|\]$/g, '');
  return isIP(bare) ? [bare] : [];
}

/** `host:port`, `[v6]:port` or a URL as an endpoint. */
export function parseEndpoint(text: string): Endpoint {
  const url = new URL(text.includes('://') ? text : `tcp://${text}`);
  const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80);
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port };
}
