import { toTuples } from '@bpfleet/bpf';
import { compile } from '@bpfleet/pcap-filter';
import type { CaptureMember } from '../../../border/opener-port.js';

/** Version 1 of a filter as the opener would hand it over. */
export function memberOf(filter: string, expression: string, more: Partial<CaptureMember> = {}): CaptureMember {
  const { program } = compile(expression, { live: true });
  return {
    filter,
    version: 1,
    digest: `sha256:${filter}`,
    expression,
    snaplenBytes: 128,
    program: { linkType: 'EN10MB', form: 'live', target: 'cbpf', instructions: toTuples(program) },
    sampling: 1,
    budget: { packetsPerSecond: 0, bytesPerSecond: 0 },
    ...more,
  };
}
