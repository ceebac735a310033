import {
  buildArp,
  buildEthernet,
  buildIpv4,
  buildIpv6,
  buildTcp,
  buildUdp,
  concatenate,
  LinkType,
  type Payload,
  parseIpv4,
} from '@bpfleet/packet';
import type { PrefilterToken } from '@bpfleet/pcap-filter';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mayHold } from '../plan/section-test.js';
import { tokenTest } from '../plan/token-test.js';
import { MOST_LAYERS } from './layers.js';
import { OPAQUE, type SectionIndex, SectionIndexer } from './section-index.js';

interface Packet {
  readonly bytes: Uint8Array;
  readonly capturedLength?: number;
  readonly wireLength?: number;
  readonly linkType?: number;
  readonly isTagPutBack?: boolean;
}

const indexer = new SectionIndexer();
function indexOf(...packets: readonly Packet[]): SectionIndex {
  indexer.begin();
  for (const { bytes, linkType = LinkType.EN10MB, isTagPutBack = false, ...lengths } of packets) {
    const place = { start: 0, capturedLength: bytes.length, wireLength: bytes.length, ...lengths };
    indexer.add(bytes, place, linkType, isTagPutBack);
  }
  return indexer.finish();
}

const has = (index: SectionIndex, ...tokens: readonly PrefilterToken[]) =>
  tokens.map((token) => mayHold(tokenTest(token, 1), index));
const host = (address: string): PrefilterToken => {
  const [a = 0, b = 0, c = 0, d = 0] = parseIpv4(address);
  return { kind: 'ipv4', address: ((a << 24) | (b << 16) | (c << 8) | d) >>> 0, bits: 32 };
};
const port = (number: number): PrefilterToken => ({ kind: 'port', port: number });
const vlan = (id: number): PrefilterToken => ({ kind: 'vlan', id });
const etherType = (value: number): PrefilterToken => ({ kind: 'ethertype', value });
const protocol = (value: number): PrefilterToken => ({ kind: 'protocol', value });
const mac = (...address: number[]): PrefilterToken => ({ kind: 'mac', address });

const ends = { source: '10.1.2.3', destination: '192.0.2.7' };
const ends6 = { source: '2001:db8::3', destination: '2001:db8::7' };
const udp = (destinationPort: number, payload: Payload = 'data') =>
  buildIpv4({ ...ends, protocol: 17, payload: buildUdp({ ...ends, sourcePort: 40_000, destinationPort, payload }) });
const inner = { source: '172.16.0.1', destination: '172.16.0.2' };
const innerIp = buildIpv4({
  ...inner,
  protocol: 6,
  payload: buildTcp({ ...inner, sourcePort: 50_000, destinationPort: 8443, flags: 2 }),
});
const innerFrame = buildEthernet({ payload: innerIp });
const etherOf = (type: number, ...payload: readonly Uint8Array[]) =>
  buildEthernet({ etherType: type, payload: concatenate(...payload) });
const bytes = (...values: number[]) => Uint8Array.from(values);

describe('SectionIndexer', () => {
  const plain = indexOf({ bytes: buildEthernet({ payload: udp(53) }) });

  it('has the addresses with their prefixes, ports, MAC addresses, types and protocols of a packet', () => {
    const prefixes = [32, 24, 16, 8].map((bits): PrefilterToken => {
      const address = (0x0a010203 & (0xffffffff << (32 - bits))) >>> 0;
      return { kind: 'ipv4', address, bits: bits as 32 };
    });
    expect(has(plain, ...prefixes, host('192.0.2.7'), port(40_000), port(53))).not.toContain(false);
    expect(has(plain, etherType(0x0800), protocol(17))).not.toContain(false);
    const frame = buildEthernet({ payload: udp(53) });
    expect(has(plain, mac(...frame.subarray(0, 6)), mac(...frame.subarray(6, 12)))).not.toContain(false);
  });
  it('has no others', () => {
    const others = [host('10.1.2.4'), port(54), vlan(1), etherType(0x86dd), protocol(6), mac(1, 2, 3, 4, 5, 6)];
    expect(has(plain, ...others)).not.toContain(true);
  });
  it.each([
    ['a VLAN tag', etherOf(0x8100, bytes(0x60, 5, 8, 0), innerIp), [vlan(5), etherType(0x8100)]],
    ['two tags', etherOf(0x88a8, bytes(0, 9, 0x81, 0, 0, 5, 8, 0), innerIp), [vlan(9), vlan(5), etherType(0x88a8)]],
    ['MPLS labels', etherOf(0x8847, bytes(0, 1, 0, 64, 0, 2, 1, 64), innerIp), [etherType(0x8847), etherType(0x0800)]],
    ['a PPPoE session', etherOf(0x8864, bytes(0x11, 0, 0, 1, 0, 42, 0, 0x21), innerIp), [etherType(0x8864)]],
    [
      'VXLAN',
      buildEthernet({ payload: udp(4789, concatenate(bytes(8, 0, 0, 0, 0, 0, 7, 0), innerFrame)) }),
      [host('10.1.2.3'), port(4789), protocol(17)],
    ],
    [
      'Geneve with options, without an Ethernet header',
      buildEthernet({ payload: udp(6081, concatenate(bytes(1, 0, 8, 0, 0, 0, 7, 0, 0, 0, 0, 0), innerIp)) }),
      [host('10.1.2.3'), port(6081)],
    ],
    [
      'Geneve with one',
      buildEthernet({ payload: udp(6081, concatenate(bytes(0, 0, 0x65, 0x58, 0, 0, 7, 0), innerFrame)) }),
      [etherType(0x6558)],
    ],
  ] as const)('has what stands behind %s', (_name, frame, outer) => {
    const index = indexOf({ bytes: frame });
    expect(has(index, ...outer, host('172.16.0.1'), host('172.16.0.2'), port(8443), protocol(6))).not.toContain(false);
  });
  it.each([
    ['padding', 0x20, 1],
    ['none', 0, 0],
  ])('finds the body of an 802.11 frame behind %s, as radiotap says', (_name, flags, padding) => {
    const radiotap = bytes(0, 0, 9, 0, 2, 0, 0, 0, flags);
    // 24 bytes of header and two of QoS end at 35.
    const header = concatenate(bytes(0x88, 0), new Uint8Array(24));
    const body = concatenate(new Uint8Array(padding), bytes(0xaa, 0xaa, 3, 0, 0, 0, 8, 0), innerIp);
    const index = indexOf({ bytes: concatenate(radiotap, header, body), linkType: LinkType.IEEE802_11_RADIO });
    expect(has(index, host('172.16.0.1'), port(8443), etherType(0x0800))).not.toContain(false);
  });
  it('has both addresses of ARP', () => {
    const arp = { operation: 'request', senderMac: '02:00:00:00:00:01', targetMac: '02:00:00:00:00:02' } as const;
    const payload = buildArp({ ...arp, senderAddress: ends.source, targetAddress: ends.destination });
    const index = indexOf({ bytes: buildEthernet({ etherType: 0x0806, payload }) });
    expect(has(index, host(ends.source), host(ends.destination), etherType(0x0806))).not.toContain(false);
  });
  it('has each header of IPv6 and the ports behind them, but none of a later fragment', () => {
    const behind = (fragmentOffset: number) =>
      buildIpv6({
        ...ends6,
        protocol: 0,
        payload: concatenate(
          bytes(44, 0, 0, 0, 0, 0, 0, 0),
          bytes(17, 0, fragmentOffset >> 8, fragmentOffset & 255, 0, 0, 0, 1),
          buildUdp({ ...ends6, sourcePort: 40_000, destinationPort: 53, payload: '' }),
        ),
      });
    const whole = indexOf({ bytes: behind(1), linkType: LinkType.IPV6 });
    expect(has(whole, protocol(0), protocol(44), protocol(17), port(53))).not.toContain(false);
    const later = indexOf({ bytes: behind(8), linkType: LinkType.IPV6 });
    expect(has(later, protocol(17), port(53))).toEqual([true, false]);
  });
  it('has what stands behind a fragment header of 8 bytes and, for `protochain`, of the length in its reserved byte', () => {
    const payload = concatenate(
      bytes(44, 0, 0, 0, 0, 0, 0, 0),
      bytes(60, 1, 0, 0, 0, 0, 0, 1),
      bytes(17, 0, 0, 0, 0, 0, 0, 0),
      buildUdp({ ...ends6, sourcePort: 89 << 8, destinationPort: 53, payload: '' }),
    );
    const index = indexOf({ bytes: buildIpv6({ ...ends6, protocol: 0, payload }), linkType: LinkType.IPV6 });
    // Read as options, destination options begin where UDP does: 89 is their next header.
    expect(has(index, protocol(17), port(53), protocol(89), protocol(88))).toEqual([true, true, true, false]);
  });
  it('has the tag that came beside the bytes, whatever its protocol, and what the bytes say without it', () => {
    const frame = etherOf(0x9200, bytes(0, 5, 8, 0), innerIp);
    const index = indexOf({ bytes: frame, isTagPutBack: true });
    const expected = [vlan(5), etherType(0x8100), etherType(0x9200), etherType(0x0800), host('172.16.0.1'), port(8443)];
    expect(has(index, ...expected)).not.toContain(false);
    expect(has(indexOf({ bytes: frame }), vlan(5), host('172.16.0.1'))).toEqual([false, false]);
  });

  it.each([0, 13, 20, 33, 37])('is opaque where a packet was cut behind %i bytes', (capturedLength) => {
    expect(indexOf({ bytes: buildEthernet({ payload: udp(53) }), capturedLength })).toEqual(OPAQUE);
  });
  it('is not where all that it looks for is there, or the packet itself ends', () => {
    const frame = buildEthernet({ payload: udp(53) });
    expect(indexOf({ bytes: frame, capturedLength: 38 }).opaque).toBe(false);
    const short = indexOf({ bytes: frame.subarray(0, 30) });
    expect([short.opaque, ...has(short, host('10.1.2.3'), host('192.0.2.7'))]).toEqual([false, true, false]);
  });
  it('is opaque where the packet itself ends inside a field: the language may ask for the bytes that are there', () => {
    const frame = buildEthernet({ payload: udp(53) });
    expect(indexOf({ bytes: frame.subarray(0, 31) })).toEqual(OPAQUE);
  });
  it('is opaque with a packet of a link type that no filter can be compiled for', () => {
    const packets = [{ bytes: innerFrame }, { bytes: innerFrame, linkType: LinkType.NETLINK }];
    expect(indexOf(...packets)).toEqual(OPAQUE);
  });
  it('is opaque with more layers than traffic has', () => {
    const packets = Array.from({ length: MOST_LAYERS }, (_, index) => ({ bytes: etherOf(0x9300 + index, bytes(0)) }));
    expect(indexOf(...packets)).toEqual(OPAQUE);
    expect(indexOf(...packets.slice(1)).layers).toHaveLength(MOST_LAYERS);
  });
  it('forgets a section with the next one', () => {
    indexOf({ bytes: innerFrame, capturedLength: 20 });
    expect(has(indexOf({ bytes: innerFrame }), port(8443), port(53))).toEqual([true, false]);
  });
  it('has no filter for a section without packets', () => {
    expect(indexOf()).toEqual({ bloom: undefined, layers: [], opaque: false });
    expect(has(indexOf(), port(53))).toEqual([false]);
  });
  it('ends on any bytes of any link type', () => {
    const types = fc.constantFrom(...Object.values(LinkType));
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        types,
        fc.nat(20),
        fc.boolean(),
        (noise, linkType, more, isTag) => {
          const index = indexOf({ bytes: noise, wireLength: noise.length + more, linkType, isTagPutBack: isTag });
          expect(index.layers.length).toBeLessThanOrEqual(MOST_LAYERS);
        },
      ),
      { numRuns: 3000 },
    );
  });
  it('ends on a packet that is one tunnel in the other, or all tags, to its end', () => {
    const tags = new Uint8Array(262_144).fill(0).map((_, index) => (index % 4 === 0 ? 0x81 : 0));
    expect(indexOf({ bytes: tags }).opaque).toBe(false);
    let nested: Uint8Array = innerFrame;
    for (let depth = 0; depth < 1000; depth++) {
      nested = buildEthernet({ payload: udp(4789, concatenate(bytes(8, 0, 0, 0, 0, 0, 7, 0), nested)) });
    }
    expect(has(indexOf({ bytes: nested }), port(8443))).toEqual([true]);
  });
});
