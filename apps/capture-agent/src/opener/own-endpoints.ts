import type { Endpoint } from '@bpfleet/contract';
import type { DesireOrder } from '../border/opener-port.js';

type Excluded = DesireOrder['excluded'];

export interface OwnEndpoints {
  readonly excluded: Excluded;
  /** Of the others, for people. */
  readonly trouble: string | undefined;
}

/** More are only counted. */
const MOST_NAMED = 3;

/**
 * Of the connections that the reader calls bpfleet's own, those that can be. Names are resolved by the reader, so the addresses are
 * its word alone; with a free choice of ports, too, it could keep any connection out of a filter that is attested.
 * @param own bpfleet's endpoints by signed word, and as this host is configured
 */
export function ownEndpoints(claimed: Excluded, own: readonly Endpoint[]): OwnEndpoints {
  const ports = new Set(own.map(({ port }) => port));
  const excluded = claimed.filter(({ port }) => ports.has(port));
  const others = claimed.filter(({ port }) => !ports.has(port)).map(({ address, port }) => `${address} port ${port}`);
  if (others.length === 0) return { excluded, trouble: undefined };
  const more = others.length > MOST_NAMED ? ` and ${others.length - MOST_NAMED} more` : '';
  const trouble =
    `${others.slice(0, MOST_NAMED).join(', ')}${more} may be captured: no endpoint of bpfleet has such a port; ` +
    'if brokers are reached there, name them in BPFLEET_EXCLUDED_ENDPOINTS of the filter-manager';
  return { excluded, trouble };
}
