import { BpfleetError } from '@bpfleet/errors';
import { BUILD_CAP, canCapture, canUseCap, interfaces, matchesPatterns } from '@bpfleet/linux';
import type { Logger } from 'pino';
import type { OpenerPort } from './border/opener-port.js';
import type { Recording } from './capture/read-recording.js';
import type { RingPosition } from './capture/sections/open-section.js';
import { CapSource, isCapLinkType } from './capture/sources/cap-source.js';
import { FileSource, type FileSourceOptions } from './capture/sources/file-source.js';
import type { PacketSource } from './capture/sources/packet-source.js';
import { RingSource } from './capture/sources/ring-source.js';
import type { AgentConfig } from './config.js';
import type { HostInterface } from './opener/plan.js';

/** What kind of source an agent has, and what the opener has to know of it. */
export interface ChosenSource {
  readonly kind: PacketSource['kind'];
  readonly create: (opener: OpenerPort, positions: readonly RingPosition[], logger: Logger) => PacketSource;
  readonly interfaces: () => readonly HostInterface[];
  /** Whether the opener opens sockets for it. */
  readonly opensSockets: boolean;
  readonly matches: (patterns: readonly string[], name: string) => boolean;
}

/** Captures in the kernel. @throws BpfleetError `CAPTURE_NOT_PERMITTED` */
export function ringSource(): ChosenSource {
  requireCapture();
  return openedRings;
}

/** Captures in the kernel, on sockets that an opener elsewhere opens. */
export const openedRings: ChosenSource = {
  kind: 'ring',
  create: (opener, positions, logger) => new RingSource(opener, positions, logger),
  interfaces: hostInterfaces,
  opensSockets: true,
  matches: matchesPatterns,
};

/**
 * Captures by way of libpcap. Its interfaces are those of this network namespace whose packets `cap` can name.
 * @throws BpfleetError `CONFIG_INVALID` (not allowed), `PLATFORM_UNSUPPORTED` (no package), `CAPTURE_NOT_PERMITTED`
 */
export function capSource({ agentAllowCap, agentRingBytes }: AgentConfig): ChosenSource {
  if (!agentAllowCap) {
    const message = 'the source cap is not allowed: nothing attests what it runs, and one process keeps all privileges';
    throw new BpfleetError('CONFIG_INVALID', message, {
      hint: 'BPFLEET_AGENT_ALLOW_CAP=true, or BPFLEET_AGENT_SOURCE=ring',
    });
  }
  const built = canUseCap();
  if (!built.ok) throw new BpfleetError('PLATFORM_UNSUPPORTED', built.reason, { hint: BUILD_CAP });
  requireCapture();
  const readable = ({ linkType, ...rest }: HostInterface): HostInterface => ({
    ...rest,
    linkType: isCapLinkType(linkType) ? linkType : undefined,
  });
  return {
    kind: 'cap',
    create: () => new CapSource(agentRingBytes),
    interfaces: () => hostInterfaces().map(readable),
    opensSockets: false,
    matches: matchesPatterns,
  };
}

function requireCapture(): void {
  const probe = canCapture();
  if (probe.ok) return;
  throw new BpfleetError('CAPTURE_NOT_PERMITTED', `cannot capture: ${probe.reason}`, {
    hint: 'start as root or with CAP_NET_RAW, or replay a capture file (BPFLEET_AGENT_PCAP)',
  });
}

/** Replays a capture file: its packets seem to come from one interface per link type, which every pattern names. */
export function fileSource(recording: Recording, replay: FileSourceOptions): ChosenSource {
  const source = new FileSource(recording, replay);
  const found = source.interfaces.map(({ name, index, linkType }) => ({ name, index, linkType, up: true }));
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
  return interfaces().map(({ name, index, linkType, up, isLoopback }) => ({
    name,
    index,
    linkType,
    up,
    isLoopback,
  }));
}
