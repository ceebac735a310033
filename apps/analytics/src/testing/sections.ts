import { crc32 } from 'node:zlib';
import type { BusRecord, ReceivedRecord } from '@bpfleet/bus';
import { encodeRecordHeaders, type SectionHeader } from '@bpfleet/contract';
import { buildEthernet, buildIpv4, buildTcp, LinkType, Protocol } from '@bpfleet/packet';
import { SectionWriter, type VlanTag } from '@bpfleet/section';

/** "Now" of tests that do not run against a real clock: 2026-11-22T10:00:00Z. */
export const NOW_MS = Date.UTC(2026, 10, 22, 10);
export const NOW_NS = BigInt(NOW_MS) * 1_000_000n;

export interface TestPacket {
  readonly atNs: bigint;
  readonly bytes: Uint8Array;
  /** Default: all of it was captured. */
  readonly capturedLength?: number;
  readonly vlan?: VlanTag;
}

export interface SectionShape {
  readonly agent: string;
  readonly epoch: number;
  readonly seq: number;
  /** `web@3`: what the interface block and the header say. */
  readonly filter: string;
  readonly interface?: string;
  readonly linkType?: number;
  readonly packets?: readonly TestPacket[];
  /** Instead of packets: TCP segments at these times. */
  readonly atNs?: readonly bigint[];
  readonly kernelDropped?: number;
  /** More members of the ledger. */
  readonly ledger?: Readonly<Record<string, string>>;
  /** For each version of `filter` how many packets one stands for. */
  readonly samplingWeights?: readonly number[];
}

export interface TestSection {
  readonly header: SectionHeader;
  readonly value: Uint8Array;
  readonly packets: readonly TestPacket[];
}

/** A TCP segment from 10.0.0.1 to 10.0.0.2; `mark` makes its bytes and its source port its own. */
export function tcpFrame(mark: number, destinationPort = 80): Uint8Array {
  const from = { source: '10.0.0.1', destination: '10.0.0.2' };
  const segment = buildTcp({
    ...from,
    sourcePort: 1024 + (mark % 60_000),
    destinationPort,
    flags: 24,
    payload: `packet ${mark}`,
  });
  return buildEthernet({ payload: buildIpv4({ ...from, protocol: Protocol.TCP, payload: segment }) });
}

/** A section as an agent makes it, with the headers that belong to it. */
export function makeSection(shape: SectionShape): TestSection {
  const writer = new SectionWriter({ application: 'test', capacityBytes: 256 * 1024 });
  const packets: readonly TestPacket[] =
    shape.packets ?? (shape.atNs ?? []).map((atNs, index) => ({ atNs, bytes: tcpFrame(index) }));
  writer.begin();
  const id = writer.addInterface({
    name: shape.interface ?? 'eth0',
    linkType: shape.linkType ?? LinkType.EN10MB,
    description: shape.filter,
    ...(shape.samplingWeights === undefined ? {} : { samplingWeights: shape.samplingWeights }),
  });
  for (const { atNs, bytes, capturedLength = bytes.length, vlan } of packets) {
    const seconds = Number(atNs / 1_000_000_000n);
    const nanoseconds = Number(atNs % 1_000_000_000n);
    writer.append(id, seconds, nanoseconds, bytes, 0, capturedLength, bytes.length, vlan, 0);
  }
  const value = writer.finish({ 'kernel-dropped': String(shape.kernelDropped ?? 0), ...shape.ledger }).slice();
  const { agent, epoch, seq, filter } = shape;
  const { tsMinNs, tsMaxNs } = writer;
  const counts = { tsMinNs, tsMaxNs, packets: packets.length };
  return { header: { agent, epoch, seq, ...counts, filters: [filter], crc32: crc32(value) }, value, packets };
}

/** The record that an agent sends. */
export const busRecord = ({ header, value }: Pick<TestSection, 'header' | 'value'>): BusRecord => ({
  key: header.agent,
  value,
  headers: encodeRecordHeaders(header),
});

/** The record as it is read back. */
export const recordOf = (section: Pick<TestSection, 'header' | 'value'>, offset = 0n): ReceivedRecord => ({
  ...busRecord(section),
  offset,
  timestampMs: NOW_MS,
});

/** The section as the store gives it back. */
export const storedSection = ({ header, value }: Pick<TestSection, 'header' | 'value'>) => ({
  ...header,
  droppedByKernel: 0,
  body: Buffer.from(value),
});
