import { arch } from 'node:os';
import { BpfleetError } from '@bpfleet/errors';
import { canCapture, interfaces } from '@bpfleet/linux';
import { FILE_INTERFACE, FileSource, type FileSourceOptions } from './capture/file-source.js';
import type { PacketSource } from './capture/packet-source.js';
import type { HostInterface } from './capture/plan.js';
import { RingSource } from './capture/ring-source.js';
import { AGENT_VERSION, hostFacts } from './host-facts.js';

export interface Source {
  readonly source: PacketSource;
  readonly interfaces: () => readonly HostInterface[];
}

const describeHost = () => ({
  hardware: arch(),
  operatingSystem: hostFacts().operatingSystem,
  application: `bpfleet-agent ${AGENT_VERSION}`,
});

/**
 * Captures in the kernel.
 */
export function ringSource(ringBudgetBytes: number): Source {
  const probe = canCapture();
  if (!probe.ok) {
    throw new BpfleetError('CAPTURE_NOT_PERMITTED', `cannot capture: ${probe.reason}`, {
      hint: 'start as root or with CAP_NET_RAW, or replay a capture file (BPFLEET_AGENT_PCAP)',
    });
  }
  return { source: new RingSource({ ...describeHost(), ringBudgetBytes }), interfaces: hostInterfaces };
}

/** Replays a capture file: its packets seem to come from one interface. */
export function fileSource(replay: Pick<FileSourceOptions, 'file' | 'speed' | 'times' | 'repeat'>): Source {
  const device: HostInterface = { name: FILE_INTERFACE, index: 0, linkType: 'EN10MB', up: true };
  return { source: new FileSource({ ...describeHost(), ...replay }), interfaces: () => [device] };
}

function hostInterfaces(): HostInterface[] {
  return interfaces().map(({ name, index, linkType, up }) => ({
    name,
    index,
    linkType: linkType === 'unsupported' ? undefined : linkType,
    up,
  }));
}
