import { buildEthernet, buildIpv4, buildIpv6, buildUdp, LinkType, Protocol, TcpFlag } from '@bpfleet/packet';
import { readSection } from '@bpfleet/section';
import { describe, expect, it } from 'vitest';
import { makeSection, NOW_NS, type SectionShape, tcpFrame } from '../testing/sections.js';
import { FlowTable } from './flow-table.js';

const shape = { agent: 'host-1', epoch: 1, seq: 0, filter: 'web@3' } as const;

function flowsOf(...shapes: readonly SectionShape[]) {
  const table = new FlowTable();
  for (const one of shapes) {
    const { header, value } = makeSection(one);
    table.add(header.agent, readSection(value), value);
  }
  return table.rows();
}

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
        filter: 'web@3',
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
      },
    ]);
  });
  it('keeps agents, versions and both directions apart', () => {
    const packets = [{ atNs: NOW_NS, bytes: tcpFrame(1) }];
    const rows = flowsOf(
      { ...shape, packets },
      { ...shape, agent: 'host-2', packets },
      { ...shape, filter: 'web@4', packets },
    );
    expect(rows.map(({ agent, filter, packets: count }) => [agent, filter, count])).toEqual([
      ['host-1', 'web@3', 1],
      ['host-1', 'web@4', 1],
      ['host-2', 'web@3', 1],
    ]);
  });
  it('counts a packet of several versions for each', () => {
    const packets = [{ atNs: NOW_NS, bytes: tcpFrame(1) }];
    const rows = flowsOf({ ...shape, filter: 'web@3,dns@1', packets });
    expect(rows.map(({ filter }) => filter)).toEqual(['web@3', 'dns@1']);
  });
  it('says -1 for ports that a protocol does not have, and 16 bytes for an IPv6 address', () => {
    const icmp = buildEthernet({ payload: buildIpv4({ ...v4, protocol: 1, payload: new Uint8Array(8) }) });
    const packets = [icmp, udp6].map((bytes) => ({ atNs: NOW_NS, bytes }));
    const [first, second] = flowsOf({ ...shape, packets });
    expect(first).toMatchObject({ protocol: 1, sourcePort: -1, destinationPort: -1, tcpFlags: 0 });
    expect(second).toMatchObject({ protocol: 17, sourcePort: 5353, destinationPort: 53 });
    expect(second?.source).toHaveLength(16);
  });
  it('has no flow for what is not IP, for an unknown link type, and for an interface without a version', () => {
    expect(flowsOf({ ...shape, packets: [{ atNs: NOW_NS, bytes: arp }] })).toEqual([]);
    expect(flowsOf({ ...shape, linkType: LinkType.NETLINK, atNs: [NOW_NS] })).toEqual([]);
    expect(flowsOf({ ...shape, filter: 'captured by hand', atNs: [NOW_NS] })).toEqual([]);
  });
});
