import type { AgentStatus } from '@bpfleet/contract';
import { matchesPatterns } from '@bpfleet/linux';
import type { PacketSource } from './capture/sources/packet-source.js';
import type { HostInterface } from './opener/plan.js';

type Errors = AgentStatus['errors'];

const errorNow = (code: string, message: string): Errors[number] => ({ code, message, at: new Date().toISOString() });

/** Patterns that name no interface now, or none that is up. No reason to end: interfaces come and go. */
export function interfaceErrors(
  patterns: readonly string[],
  interfaces: readonly Pick<HostInterface, 'name' | 'up'>[],
): Errors {
  const names = interfaces.map(({ name }) => name).join(', ');
  return patterns.flatMap((pattern) => {
    const meant = interfaces.filter(({ name }) => matchesPatterns([pattern], name));
    if (pattern.startsWith('!') || meant.some(({ up }) => up)) return [];
    if (meant.length === 0) {
      return errorNow('INTERFACE_UNKNOWN', `no interface ${pattern} on this host; there are: ${names}`);
    }
    const down = meant.map(({ name }) => name).join(', ');
    return errorNow('INTERFACE_DOWN', `down, so that nothing is captured there: ${down} (ip link set NAME up)`);
  });
}

/** What a source cannot read. */
export const unread = ({ kind, troubles }: Pick<PacketSource, 'kind' | 'troubles'>): Errors =>
  troubles.map((message) => errorNow(kind === 'file' ? 'CAPTURE_FILE_CORRUPT' : 'ATTACH_REFUSED', message));

/** What is not kept on disk. */
export const unkept = (troubles: readonly string[]): Errors =>
  troubles.map((message) => errorNow('DATA_NOT_WRITABLE', message));

/** Of the agent process, in status and log. */
export const AGENT_AS_ROOT = 'AGENT_AS_ROOT';

/** @param why it has the rights of root, for people; undefined: it has not */
export const asRoot = (why: string | undefined): Errors => (why === undefined ? [] : [errorNow(AGENT_AS_ROOT, why)]);

/** @param what of the time without a socket is not known any more, for people; undefined: nothing */
export const gapErrors = (what: string | undefined): Errors =>
  what === undefined
    ? []
    : [errorNow('SECTION_CORRUPT', `open-section was damaged or gone at the start: ${what}; check its disk`)];

/** @param why nothing can be sent, for people; undefined: it can */
export const brokersAway = (why: string | undefined): Errors =>
  why === undefined ? [] : [errorNow('BROKERS_UNREACHABLE', why)];

/** @param which of bpfleet's own connections may be captured, for people; undefined: none */
export const ownTraffic = (which: string | undefined): Errors =>
  which === undefined ? [] : [errorNow('OWN_TRAFFIC_CAPTURED', which)];
