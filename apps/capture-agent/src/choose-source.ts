import { BpfleetError } from '@bpfleet/errors';
import { canCapture, interfaces, matchesPatterns } from '@bpfleet/linux';
import type { OpenerPort } from './border/opener-port.js';
import type { RingPosition } from './capture/sections/open-section.js';
import { FileSource, type FileSourceOptions } from './capture/sources/file-source.js';
import type { PacketSource } from './capture/sources/packet-source.js';
import { RingSource } from './capture/sources/ring-source.js';
import type { HostInterface } from './opener/plan.js';

/** What kind of source an agent has, and what the opener has to know of it. */
export interface ChosenSource {
  readonly kind: PacketSource['kind'];
  readonly create: (opener: OpenerPort, positions: readonly RingPosition[]) => PacketSource;
  readonly interfaces: () => readonly HostInterface[];
  /** Whether the opener opens sockets for it. */
  readonly opensSockets: boolean;
  readonly matches: (patterns: readonly string[], name: string) => boolean;
}

/** Captures in the kernel. @throws BpfleetError `CAPTURE_NOT_PERMITTED` */
export function ringSource(): ChosenSource {
  const probe = canCapture();
  if (!probe.ok) {
    throw new BpfleetError('CAPTURE_NOT_PERMITTED', `cannot capture: ${probe.reason}`, {
      hint: 'start as root or with CAP_NET_RAW, or replay a capture file (BPFLEET_AGENT_PCAP)',
    });
  }
  return {
    kind: 'ring',
    create: (opener, positions) => new RingSource(opener, positions),
    interfaces: hostInterfaces,
    opensSockets: true,
    matches: matchesPatterns,
  };
}

/**
 * Replays a capture file: its packets seem to come from one interface per link type, which every pattern names.
 * @throws BpfleetError `FILE_UNREADABLE`, `CAPTURE_FILE_CORRUPT`
 */
export async function fileSource(replay: FileSourceOptions): Promise<ChosenSource> {
  const source = new FileSource(replay);
  const found = (await source.interfaces()).map(({ name, index, linkType }) => ({ name, index, linkType, up: true }));
  return {
    kind: 'file',
    create: () => source,
    interfaces: () => found,
    opensSockets: false,
    matches: () => true,
  };
}

/** Those of this network namespace. */
export function hostInterfaces(): HostInterface[] {
  return interfaces().map(({ name, index, linkType, up }) => ({
    name,
    index,
    linkType,
    up,
  }));
}
