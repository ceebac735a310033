import type { Endpoint } from '@bpfleet/contract';
import { type Finding, ok, reasonOf, warning } from '@bpfleet/contract/doctor';

const NAME = 'own traffic';

/** What is left out of what is captured: by the ports of these alone, whatever addresses they have. */
export interface LeftOutEndpoints {
  readonly configured: readonly Endpoint[];
  /** By the signed state that is kept on this host; undefined: there is none yet. */
  readonly signed: readonly Endpoint[] | undefined;
}

/**
 * Whether the agent's connections to brokers are left out of what it captures: a filter that matches everything would have
 * its own sections captured, and sent, without end.
 * @param advertised `host:port` of each broker, as the cluster tells clients to connect
 */
export async function ownTrafficFinding(
  advertised: () => Promise<readonly string[]>,
  { configured, signed }: LeftOutEndpoints,
): Promise<Finding> {
  let brokers: readonly string[];
  try {
    brokers = await advertised();
  } catch (error) {
    const detail = `the brokers do not say where agents are to connect: ${reasonOf(error)}`;
    return warning(NAME, detail, 'run this again once they answer: what is captured of it is not known before');
  }
  const ports = new Set([...configured, ...(signed ?? [])].map(({ port }) => port));
  const captured = brokers.filter((broker) => !ports.has(portOf(broker)));
  if (captured.length === 0) return ok(NAME, `left out of what is captured: ${brokers.join(', ')}`);
  const known = signed ? 'nor does the signed state' : 'and there is no signed state here yet';
  return warning(
    NAME,
    `captured by filters that match it: the cluster has agents connect to ${captured.join(', ')}, whose port ` +
      `this agent’s configuration does not name, ${known}`,
    `add ${captured.join(',')} to BPFLEET_EXCLUDED_ENDPOINTS of the filter-manager: what the agent sends is captured and sent again`,
  );
}

const portOf = (endpoint: string): number => Number(endpoint.slice(endpoint.lastIndexOf(':') + 1));
