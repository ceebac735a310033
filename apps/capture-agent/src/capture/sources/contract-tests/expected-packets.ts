import { interpret } from '@bpfleet/bpf';
import { compile } from '@bpfleet/pcap-filter';
import type { TestFilter } from '../../../testing/signing-service.js';
import { readRecorded } from '../recorded-packet.js';

/** A packet as it is stored. */
export interface Stored {
  /** Hex; a VLAN tag is among them. */
  readonly bytes: string;
  readonly wireLength: number;
  /** `web@3,dns@1` */
  readonly versions: string;
}

/** Counters that all sources have of a version. */
export interface Counted {
  readonly matched: number;
  readonly stored: number;
  readonly truncated: number;
  readonly sampledOut: number;
}

export interface Expected {
  readonly stored: readonly Stored[];
  /** By version. */
  readonly counted: Readonly<Record<string, Counted>>;
  /** Packets that some filter accepts, kept or not. */
  readonly passed: number;
}

/** What comes of Ethernet frames, decided by the interpreter one filter at a time. */
export function expectedOf(frames: readonly Uint8Array[], filters: readonly TestFilter[]): Expected {
  const machines = filters.map((filter) => ({
    filter,
    version: `${filter.filter}@${filter.version}`,
    program: compile(filter.expression, { live: true }).program,
    counted: { matched: 0, stored: 0, truncated: 0, sampledOut: 0 },
  }));
  const stored: Stored[] = [];
  let passed = 0;
  for (const frame of frames) {
    const packet = readRecorded({ bytes: frame, wireLength: frame.length }, 0n, true);
    const matching = machines.filter(({ program }) => interpret(program, { ...packet, metadata: packet }) !== 0);
    if (matching.length > 0) passed++;
    const keeping = matching.filter(({ filter: { sampling = 1 }, counted }) => {
      counted.matched++;
      if (counted.matched % sampling === 0) return true;
      counted.sampledOut++;
      return false;
    });
    if (keeping.length === 0) continue;
    const kept = frame.subarray(0, Math.max(...keeping.map(({ filter }) => filter.snaplenBytes!)));
    for (const { counted } of keeping) {
      counted.stored++;
      if (kept.length < frame.length) counted.truncated++;
    }
    const versions = keeping.map(({ version }) => version).join(',');
    stored.push({ bytes: Buffer.from(kept).toString('hex'), wireLength: frame.length, versions });
  }
  return { stored, passed, counted: Object.fromEntries(machines.map(({ version, counted }) => [version, counted])) };
}
