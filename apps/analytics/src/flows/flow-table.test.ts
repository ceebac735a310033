import {
  buildEthernet,
  buildIpv4,
  buildIpv4Fragments,
  buildIpv6,
  buildTcp,
  buildUdp,
  LinkType,
  Protocol,
  TcpFlag,
} from '@bpfleet/packet';
import { readSection } from '@bpfleet/section';
import type { FlowRow } from '@bpfleet/store';
import { describe, expect, it } from 'vitest';
import { makeSection, NOW_NS, type SectionShape, type TestPacket, tcpFrame } from '../testing/sections.js';
import { FlowTable } from './flow-table.js';

const shape = { agent: 'host-1', epoch: 1, seq: 0, filter: 'web@3' } as const;

function tableOf(...shapes: readonly SectionShape[]): FlowTable {
  const table = new FlowTable();
  for (const one of shapes) {
    const { header, value } = makeSection(one);
    table.add(header.agent, readSection(value), value);
  }
  return table;
}
const flowsOf = (...shapes: readonly SectionShape[]) => [...tableOf(...shapes).rows()];

const ports = { sourcePort: 5353, destinationPort: 53 };
const v4 = { source: '10.0.0.1', destination: '10.0.0.2' };
const v6 = { source: '2001:db8::1', destination: '2001:db8::2' };
const udp6 = buildEthernet({
  payload: buildIpv6({ ...v6, protocol: Protocol.UDP, payload: buildUdp({ ...v6, ...ports }) }),
});
const arp = buildEthernet({ etherType: 0x0806, payload: new Uint8Array(28) });

describe('FlowTable', () => {
  it('adds up the packets of one 5-tuple over sections', () => {
    const frame = tcpFrame(1);
    const packets = [
      { atNs: NOW_NS + 7n, bytes: frame },
      { atNs: NOW_NS, bytes: frame },
    ];
    const later = [{ atNs: NOW_NS + 9n, bytes: frame, capturedLength: 54 }];
    expect(flowsOf({ ...shape, packets }, { ...shape, seq: 1, packets: later })).toEqual([
      {
        agent: 'host-1',
        filters: 'web@3',
        weights: '',
        source: new Uint8Array([10, 0, 0, 1]),
        destination: new Uint8Array([10, 0, 0, 2]),
        sourcePort: 1025,
        destinationPort: 80,
        protocol: 6,
        firstNs: NOW_NS,
        lastNs: NOW_NS + 9n,
        packets: 3,
        // As on the wire: the last one was cut at capture.
        bytes: 3 * frame.length,
        tcpFlags: TcpFlag.PSH | TcpFlag.ACK,
        isPlain: true,
      },
    ]);
  });
  it('keeps agents and versions apart', () => {
    const packets = [{ atNs: NOW_NS, bytes: tcpFrame(1) }];
    const rows = flowsOf(
      { ...shape, packets },
      { ...shape, agent: 'host-2', packets },
      { ...shape, filter: 'web@4', packets },
    );
    expect(rows.map(({ agent, filters, packets: count }) => [agent, filters, count])).toEqual([
      ['host-1', 'web@3', 1],
      ['host-2', 'web@3', 1],
      ['host-1', 'web@4', 1],
    ]);
  });
  describe('has both directions in one row', () => {
    const [low, high] = ['10.0.0.1', '10.0.0.2'];
    const udp = (source: string, sourcePort: number, destination: string, destinationPort: number, payload = '') => {
      const ends = { source, destination, sourcePort, destinationPort };
      return buildEthernet({ payload: buildIpv4({ ...ends, protocol: 17, payload: buildUdp({ ...ends, payload }) }) });
    };
    const rowsOf = (...frames: readonly Uint8Array[]) =>
      flowsOf({ ...shape, packets: frames.map((bytes, n) => ({ atNs: NOW_NS + BigInt(n), bytes })) });
    const ends = ({ source, sourcePort, destination, destinationPort }: FlowRow) =>
      [source.at(-1), sourcePort, destination.at(-1), destinationPort] as const;

    it('each with its counts, flags and times', () => {
      const syn = { source: high, destination: low, sourcePort: 4000, destinationPort: 80, flags: TcpFlag.SYN };
      const ack = { source: low, destination: high, sourcePort: 80, destinationPort: 4000, flags: TcpFlag.ACK };
      const tcp = (fields: Omit<typeof syn, 'flags'> & { readonly flags: number }) =>
        buildEthernet({ payload: buildIpv4({ ...fields, protocol: 6, payload: buildTcp(fields) }) });
      const rows = rowsOf(tcp(syn), tcp(ack), tcp(syn), tcp(syn));
      expect(rows.map(ends)).toEqual([[1, 80, 2, 4000]]);
      const bytes = tcp(ack).length;
      expect(rows).toMatchObject([
        {
          ...{ packets: 1, bytes, tcpFlags: TcpFlag.ACK, firstNs: NOW_NS + 1n, lastNs: NOW_NS + 1n },
          back: { packets: 3, bytes: 3 * bytes, tcpFlags: TcpFlag.SYN, firstNs: NOW_NS, lastNs: NOW_NS + 3n },
        },
      ]);
    });
    it('from the end that sent, where only one did', () => {
      const rows = rowsOf(udp(high, 1, low, 2), udp(low, 3, high, 4));
      expect(rows.map(ends)).toEqual([
        [2, 1, 1, 2],
        [1, 3, 2, 4],
      ]);
      expect(rows.map(({ packets, back }) => [packets, back])).toEqual([
        [1, undefined],
        [1, undefined],
      ]);
    });
    it('told apart by their ports where a host speaks with itself', () => {
      const rows = rowsOf(udp(low, 9, low, 5), udp(low, 5, low, 9), udp(low, 5, low, 9), udp(low, 5, low, 5));
      expect(rows.map(ends)).toEqual([
        [1, 5, 1, 9],
        [1, 5, 1, 5],
      ]);
      expect(rows.map(({ packets, back }) => [packets, back?.packets])).toEqual([
        [2, 1],
        [1, undefined],
      ]);
    });
    it('by the addresses as numbers without a sign', () => {
      const rows = rowsOf(udp('200.0.0.1', 7, low, 7), udp(low, 7, '200.0.0.1', 7));
      expect(rows.map(({ source, back }) => [source[0], back?.packets])).toEqual([[10, 1]]);
    });
    it('of IPv6, and of protocols without ports', () => {
      const [a, b] = ['2001:db8::1', '2001:db8::2'];
      const icmp = (source: string, destination: string) =>
        buildEthernet({ payload: buildIpv6({ source, destination, protocol: 58, payload: new Uint8Array(8) }) });
      const rows = rowsOf(icmp(b, a), icmp(a, b), icmp(b, a));
      expect(rows.map(ends)).toEqual([[1, -1, 2, -1]]);
      expect(rows.map(({ packets, back }) => [packets, back?.packets])).toEqual([[1, 2]]);
    });
  });
  it('counts a packet of several versions once, for their list', () => {
    const packets = [{ atNs: NOW_NS, bytes: tcpFrame(1) }];
    const rows = flowsOf({ ...shape, filter: 'web@3,dns@1', packets });
    expect(rows.map(({ filters, packets: count }) => [filters, count])).toEqual([['web@3,dns@1', 1]]);
  });
  it('keeps sampling weights apart, and names them where one is not 1', () => {
    const packets = [{ atNs: NOW_NS, bytes: tcpFrame(1) }];
    const rows = [
      [1, 1],
      [1, 10],
      [1, 20],
      [1, 10],
    ].map((samplingWeights) => ({
      ...{ ...shape, filter: 'web@3,dns@1', packets, samplingWeights },
    }));
    expect(flowsOf(...rows).map(({ weights, packets: count }) => [weights, count])).toEqual([
      ['', 1],
      ['1,10', 2],
      ['1,20', 1],
    ]);
  });
  it('makes a row of each minute, to the nanosecond', () => {
    const begin = NOW_NS - (NOW_NS % 60_000_000_000n);
    const atNs = [begin, begin - 1n, begin + 59_999_999_999n, begin + 60_000_000_000n];
    const packets = atNs.map((at) => ({ atNs: at, bytes: tcpFrame(1) }));
    expect(flowsOf({ ...shape, packets }).map(({ firstNs, lastNs }) => [firstNs - begin, lastNs - begin])).toEqual([
      [0n, 59_999_999_999n],
      [-1n, -1n],
      [60_000_000_000n, 60_000_000_000n],
    ]);
  });
  it('gives the rows of a minute together, however mixed they come', () => {
    const packets = Array.from({ length: 12 }, (_, n) => ({
      ...{ atNs: NOW_NS + BigInt(n % 3) * 60_000_000_000n, bytes: n % 2 ? tcpFrame(n) : udp6 },
    }));
    const table = tableOf({ ...shape, packets });
    const minutes = [...table.rows()].map(({ firstNs, protocol }) => [protocol, (firstNs - NOW_NS) / 60_000_000_000n]);
    const ofTcp = [0n, 0n, 1n, 1n, 2n, 2n].map((minute) => [6, minute]);
    expect(minutes).toEqual([...ofTcp, [17, 0n], [17, 1n], [17, 2n]]);
    expect([table.minutes, table.flows]).toEqual([3, 9]);
  });
  it('takes little memory for a minute of one packet', () => {
    const MINUTES = 20_000;
    const shapes = Array.from({ length: 20 }, (_, seq) =>
      makeSection({
        ...{ ...shape, seq },
        packets: Array.from({ length: MINUTES / 20 }, (_, n) => ({
          ...{ atNs: BigInt(seq * 1000 + n) * 60_000_000_000n, bytes: tcpFrame(n) },
        })),
      }),
    ).map(({ value }) => ({ value, section: readSection(value) }));
    const usedBytes = () => process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
    const before = usedBytes();
    const table = new FlowTable();
    for (const { value, section } of shapes) table.add('host-1', section, value);
    // Garbage included.
    expect((usedBytes() - before) / MINUTES).toBeLessThan(2_000);
    expect([table.minutes, table.flows]).toEqual([MINUTES, MINUTES]);
  });
  it('grows, and begins anew', () => {
    const packets = Array.from({ length: 1500 }, (_, n) => ({ atNs: NOW_NS + BigInt(n), bytes: tcpFrame(n % 700) }));
    const table = tableOf({ ...shape, packets }, { ...shape, seq: 1, packets });
    expect([table.packets, [...table.rows()].length]).toEqual([3000, 700]);
    const first = [...table.rows()].find(({ sourcePort }) => sourcePort === 1024);
    expect(first).toMatchObject({ packets: 6, firstNs: NOW_NS, lastNs: NOW_NS + 1400n });
    table.clear();
    expect([table.packets, [...table.rows()].length, table.others()]).toEqual([0, 0, []]);
  });

  describe('says whether a row tells all that a filter can ask by addresses, protocol and ports', () => {
    const udp = buildUdp({ ...v4, ...ports });
    const ip = buildIpv4({ ...v4, protocol: Protocol.UDP, payload: udp });
    const tagged = buildEthernet({ tags: [{ id: 5 }], payload: ip });
    const [firstFragment, laterFragment] = buildIpv4Fragments(
      { ...v4, protocol: Protocol.UDP, payload: buildUdp({ ...v4, ...ports, payload: new Uint8Array(2000) }) },
      1500,
    ).map((payload) => buildEthernet({ payload }));
    const behindOptions = buildIpv6({
      ...{ ...v6, protocol: Protocol.UDP, payload: buildUdp({ ...v6, ...ports }) },
      extensions: [{ type: Protocol.IPV6_OPTIONS, body: new Uint8Array(6) }],
    });
    const cases: readonly (readonly [string, boolean, Omit<TestPacket, 'atNs'>])[] = [
      ['UDP', true, { bytes: buildEthernet({ payload: ip }) }],
      ['UDP over IPv6', true, { bytes: udp6 }],
      [
        'behind a tag that the kernel took out',
        true,
        { bytes: buildEthernet({ payload: ip }), vlan: { tpid: 0x8100, tci: 5 } },
      ],
      ['behind a tag in the frame', false, { bytes: tagged }],
      ['behind two tags', false, { bytes: tagged, vlan: { tpid: 0x88a8, tci: 9 } }],
      ['behind extension headers', false, { bytes: buildEthernet({ payload: behindOptions }) }],
      ['a first fragment', true, { bytes: firstFragment! }],
      ['a later fragment', true, { bytes: laterFragment! }],
      ['cut before its ports', false, { bytes: buildEthernet({ payload: ip }), capturedLength: 34 }],
      [
        'cut within its extension headers',
        false,
        { bytes: buildEthernet({ payload: behindOptions }), capturedLength: 58 },
      ],
      ['ESP', true, { bytes: buildEthernet({ payload: buildIpv4({ ...v4, protocol: 50, payload: udp }) }) }],
      [
        'TCP',
        true,
        {
          bytes: buildEthernet({
            payload: buildIpv4({ ...v4, protocol: 6, payload: buildTcp({ ...v4, ...ports, flags: 2 }) }),
          }),
        },
      ],
    ];
    it.each(cases)('%s: %s', (_name, isPlain, packet) => {
      expect(flowsOf({ ...shape, packets: [{ atNs: NOW_NS, ...packet }] })).toMatchObject([{ isPlain, packets: 1 }]);
    });
  });

  it('says -1 for ports that a protocol does not have, and 16 bytes for an IPv6 address', () => {
    const icmp = buildEthernet({ payload: buildIpv4({ ...v4, protocol: 1, payload: new Uint8Array(8) }) });
    const packets = [icmp, udp6].map((bytes) => ({ atNs: NOW_NS, bytes }));
    const [first, second] = flowsOf({ ...shape, packets });
    expect(first).toMatchObject({ protocol: 1, sourcePort: -1, destinationPort: -1, tcpFlags: 0 });
    expect(second).toMatchObject({ protocol: 17, sourcePort: 5353, destinationPort: 53 });
    expect(second?.source).toHaveLength(16);
  });
  it('has no flow for what is not IP, and counts it', () => {
    const packets = [{ atNs: NOW_NS, bytes: arp }];
    const table = tableOf({ ...shape, packets }, { ...shape, linkType: LinkType.NETLINK, atNs: [NOW_NS] });
    expect([...table.rows()]).toEqual([]);
    const bucketNs = NOW_NS - (NOW_NS % 60_000_000_000n);
    expect(table.others()).toMatchObject([{ agent: 'host-1', filters: 'web@3', bucketNs, packets: 2 }]);
  });
  describe('tells of packets without a flow whether they may be IP', () => {
    const ip = buildIpv4({ ...v4, protocol: 6, payload: buildTcp({ ...v4, ...ports, flags: 2 }) });
    const ip6 = buildIpv6({ ...v6, protocol: 6, payload: buildTcp({ ...v6, ...ports, flags: 2 }) });
    const first = (packet: Uint8Array, byte: number) => Uint8Array.of(byte, ...packet.subarray(1));
    const cases: readonly (readonly [string, boolean, Omit<TestPacket, 'atNs'> & { readonly linkType?: number }])[] = [
      ['ARP', false, { bytes: arp }],
      ['MPLS', false, { bytes: buildEthernet({ etherType: 0x8847, payload: ip }) }],
      ['another version', true, { bytes: buildEthernet({ payload: first(ip, 0x55) }) }],
      ['a header that is too short', true, { bytes: buildEthernet({ payload: first(ip, 0x43) }) }],
      ['IPv4 under the EtherType of IPv6', true, { bytes: buildEthernet({ etherType: 0x86dd, payload: ip }) }],
      ['a damaged IPv6 header', true, { bytes: buildEthernet({ payload: first(ip6, 0x40) }) }],
      ['cut within its IPv4 header', true, { bytes: buildEthernet({ payload: ip }), capturedLength: 32 }],
      ['cut within its IPv6 header', true, { bytes: buildEthernet({ payload: ip6 }), capturedLength: 40 }],
      ['cut before its EtherType', true, { bytes: arp, capturedLength: 13 }],
      ['of a link type that is not taken apart', true, { bytes: ip, linkType: LinkType.NETLINK }],
      ['raw, of no version', true, { bytes: first(ip, 0x55), linkType: LinkType.RAW }],
    ];
    it.each(cases)('%s: %s', (_name, isUnclear, { linkType = LinkType.EN10MB, ...packet }) => {
      const table = tableOf({ ...shape, linkType, packets: [{ atNs: NOW_NS, ...packet }] });
      expect([...table.rows()]).toEqual([]);
      const bytes = packet.bytes.length;
      const unclear = isUnclear ? { unclearPackets: 1, unclearBytes: bytes } : { unclearPackets: 0, unclearBytes: 0 };
      expect(table.others()).toMatchObject([{ packets: 1, bytes, ...unclear }]);
    });
  });
  it('counts nothing of an interface without a version', () => {
    const table = tableOf({ ...shape, filter: 'captured by hand', atNs: [NOW_NS] });
    expect([[...table.rows()], table.others(), table.packets]).toEqual([[], [], 0]);
  });
});
