import type { AgentStatus } from '@bpfleet/contract';
import { matchesPatterns } from '@bpfleet/linux';
import type { PacketSource } from './capture/sources/packet-source.js';

type Errors = AgentStatus['errors'];

const errorNow = (code: string, message: string): Errors[number] => ({ code, message, at: new Date().toISOString() });

/** Patterns that name no interface now. No reason to end: interfaces come and go. */
export const unknownInterfaces = (patterns: readonly string[], names: readonly string[]): Errors =>
  patterns
    .filter((pattern) => !pattern.startsWith('!') && !names.some((name) => matchesPatterns([pattern], name)))
    .map((pattern) =>
      errorNow('INTERFACE_UNKNOWN', `no interface ${pattern} on this host; there are: ${names.join(', ')}`),
    );

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

/** @param which of bpfleet's own connections may be captured, for people; undefined: none */
export const ownTraffic = (which: string | undefined): Errors =>
  which === undefined ? [] : [errorNow('OWN_TRAFFIC_CAPTURED', which)];
