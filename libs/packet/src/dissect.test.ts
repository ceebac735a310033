import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  buildArp,
  buildEthernet,
  buildIcmp,
  buildIcmpv6,
  buildIpv4,
  buildIpv4Fragments,
  buildIpv6,
  buildIpv6Fragments,
  buildTcp,
  buildUdp,
  concatenate,
  Dissection,
  dissect,
  flowKeyOf,
  LinkType,
  Protocol,
  summarize,
  TcpFlag,
} from './index.js';

const four = { source: '10.0.0.1', destination: '10.0.0.2' };
const six = { source: '2001:db8::1', destination: '2001:db8::2' };
const ports = { sourcePort: 51_234, destinationPort: 443 };
const segment = buildTcp({
  ...four,
  ...ports,
  flags: TcpFlag.SYN,
  options: { maxSegmentSize: 1460 },
  payload: 'hello',
});
const segment6 = buildTcp({ ...six, ...ports, flags: TcpFlag.SYN, payload: 'hello' });
const tcp4 = buildIpv4({ ...four, protocol: Protocol.TCP, payload: segment });
const tcp6 = buildIpv6({ ...six, protocol: Protocol.TCP, payload: segment6 });
const frame = buildEthernet({ payload: tcp4 });

function dissected(bytes: Uint8Array, linkType: number = LinkType.EN10MB): Dissection {
  const into = new Dissection();
  dissect(bytes, 0, bytes.length, linkType, into);
  return into;
}
const ethernet = (payload: Uint8Array, etherType?: number) =>
  dissected(buildEthernet(etherType === undefined ? { payload } : { payload, etherType }));
const word = (...bytes: number[]) => Uint8Array.from(bytes);

describe('dissect', () => {
  it('finds every header of a TCP segment over IPv4', () => {
    expect(dissected(frame)).toMatchObject({
      linkDestinationOffset: 0,
      linkSourceOffset: 6,
      etherType: 0x0800,
      vlanId: -1,
      network: 'ip',
      networkOffset: 14,
      networkLength: 49,
      addressLength: 4,
      sourceOffset: 26,
      destinationOffset: 30,
      protocol: 6,
      transport: 'tcp',
      transportOffset: 34,
      sourcePort: 51_234,
      destinationPort: 443,
      tcpFlags: TcpFlag.SYN,
      payloadOffset: 58,
      payloadLength: 5,
      isTruncated: false,
    });
  });

  it('counts from the start it is given', () => {
    const into = new Dissection();
    dissect(concatenate(new Uint8Array(7), frame, new Uint8Array(9)), 7, frame.length, LinkType.EN10MB, into);
    expect(into).toMatchObject({ networkOffset: 21, sourcePort: 51_234, payloadOffset: 65, payloadLength: 5, end: 70 });
  });

  it('does not count Ethernet padding as payload', () => {
    const udp = buildUdp({ ...four, ...ports, payload: 'x' });
    const padded = concatenate(
      buildEthernet({ payload: buildIpv4({ ...four, protocol: Protocol.UDP, payload: udp }) }),
      new Uint8Array(17),
    );
    expect(dissected(padded)).toMatchObject({ transport: 'udp', payloadLength: 1 });
  });

  it.each([
    ['LINUX_SLL', LinkType.LINUX_SLL, concatenate(new Uint8Array(14), word(0x08, 0x00), tcp4), 16],
    ['LINUX_SLL2', LinkType.LINUX_SLL2, concatenate(word(0x08, 0x00), new Uint8Array(18), tcp4), 20],
    ['RAW', LinkType.RAW, tcp4, 0],
    ['NULL, little-endian', LinkType.NULL, concatenate(word(2, 0, 0, 0), tcp4), 4],
    ['NULL, big-endian', LinkType.NULL, concatenate(word(0, 0, 0, 2), tcp4), 4],
    ['LOOP', LinkType.LOOP, concatenate(word(0, 0, 0, 2), tcp4), 4],
    ['RAW with IPv6', LinkType.RAW, tcp6, 0],
    ['NULL with IPv6 of Linux', LinkType.NULL, concatenate(word(10, 0, 0, 0), tcp6), 4],
    ['NULL with IPv6 of Darwin', LinkType.NULL, concatenate(word(30, 0, 0, 0), tcp6), 4],
  ])('reads %s', (_, linkType, bytes, networkOffset) => {
    expect(dissected(bytes, linkType)).toMatchObject({ networkOffset, destinationPort: 443, payloadLength: 5 });
  });

  it.each([
    ['one tag', [{ id: 100, priority: 3 }], 100, -1],
    ['802.1ad around 802.1Q', [{ id: 100, tpid: 0x88a8 }, { id: 7 }], 100, 7],
    ['the old TPID 0x9100', [{ id: 5, tpid: 0x9100 }], 5, -1],
    ['three tags', [{ id: 1 }, { id: 2 }, { id: 3 }], 1, 2],
  ])('looks through %s', (_, tags, vlanId, innerVlanId) => {
    const tagged = dissected(buildEthernet({ tags, payload: tcp4 }));
    expect(tagged).toMatchObject({ vlanId, innerVlanId, etherType: 0x0800, destinationPort: 443 });
  });

  it('reads IPv4 options', () => {
    const options = word(148, 4, 0, 0);
    const bytes = buildIpv4({ ...four, protocol: Protocol.TCP, payload: segment, options });
    expect(ethernet(bytes)).toMatchObject({ transportOffset: 38, destinationPort: 443, payloadLength: 5 });
  });

  it('takes ports of the first IPv4 fragment only', () => {
    const payload = buildUdp({ ...four, ...ports, payload: new Uint8Array(1000) });
    const fragments = buildIpv4Fragments({ ...four, protocol: Protocol.UDP, payload }, 576);
    const [first, last] = fragments.map((fragment) => ethernet(fragment));
    expect(first).toMatchObject({ sourcePort: 51_234, fragmentOffset: 0, hasMoreFragments: true });
    expect(last).toMatchObject({ sourcePort: -1, transport: 'none', fragmentOffset: 552, hasMoreFragments: false });
  });

  it('takes ports of the first IPv6 fragment only', () => {
    const payload = buildUdp({ ...six, ...ports, payload: new Uint8Array(1000) });
    const fragments = buildIpv6Fragments({ ...six, protocol: Protocol.UDP, payload, identification: 9 }, 640);
    const [first, last] = fragments.map((fragment) => ethernet(fragment));
    expect(first).toMatchObject({ protocol: 17, sourcePort: 51_234, fragmentOffset: 0, hasMoreFragments: true });
    expect(last).toMatchObject({ protocol: 17, sourcePort: -1, fragmentOffset: 592, payloadLength: 416 });
  });

  it('walks every IPv6 extension header', () => {
    const padN = word(1, 4, 0, 0, 0, 0);
    const extensions = [
      { type: Protocol.IPV6_HOP_BY_HOP, body: padN },
      { type: Protocol.IPV6_ROUTING, body: new Uint8Array(22) },
      { type: Protocol.IPV6_OPTIONS, body: padN },
    ];
    expect(ethernet(buildIpv6({ ...six, protocol: Protocol.TCP, payload: segment6, extensions }))).toMatchObject({
      protocol: 6,
      destinationPort: 443,
      payloadLength: 5,
    });
    // AH counts 4-byte words, less two (RFC 4302, 2.2): 12 bytes and a 12-byte check value are 4.
    const authenticated = concatenate(word(6, 4), new Uint8Array(22), segment6);
    expect(ethernet(buildIpv6({ ...six, protocol: Protocol.AH, payload: authenticated }))).toMatchObject({
      protocol: 6,
      destinationPort: 443,
    });
  });

  it.each([
    [
      'ARP',
      ethernet(
        buildArp({
          operation: 'request',
          senderMac: '02:00:00:00:00:01',
          senderAddress: '10.0.0.1',
          targetAddress: '10.0.0.2',
        }),
        0x0806,
      ),
      { network: 'arp', sourceOffset: 28, destinationOffset: 38, protocol: -1 },
    ],
    [
      'ICMP',
      ethernet(buildIpv4({ ...four, protocol: 1, payload: buildIcmp({ type: 8, payload: 'abc' }) })),
      { transport: 'icmp', icmpType: 8, icmpCode: 0, payloadLength: 3 },
    ],
    [
      'ICMPv6',
      ethernet(buildIpv6({ ...six, protocol: 58, payload: buildIcmpv6({ ...six, type: 135 }) })),
      { transport: 'icmp6', icmpType: 135 },
    ],
    [
      'SCTP',
      ethernet(buildIpv4({ ...four, protocol: 132, payload: word(0, 80, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0) })),
      { transport: 'sctp', sourcePort: 80, destinationPort: 256 },
    ],
    ['an unknown EtherType', ethernet(new Uint8Array(20), 0x88cc), { network: 'other', etherType: 0x88cc }],
    ['802.3', ethernet(new Uint8Array(40), 40), { network: 'other', etherType: 40 }],
    [
      'ICMPv6 inside IPv4, which is neither',
      ethernet(buildIpv4({ ...four, protocol: 58, payload: new Uint8Array(8) })),
      { transport: 'none', protocol: 58 },
    ],
    [
      'a total length of 0, from a card that segments',
      ethernet(tcp4.with(2, 0).with(3, 0)),
      { networkLength: 49, payloadLength: 5 },
    ],
    ['an IPv4 header of another version', ethernet(tcp4.with(0, 0x55)), { network: 'other', addressLength: 0 }],
    ['an IPv4 header length below 20', ethernet(tcp4.with(0, 0x44)), { network: 'other', protocol: -1 }],
  ])('knows %s', (_, dissection, expected) => {
    expect(dissection).toMatchObject(expected);
  });

  it.each([
    [9, { network: 'none', etherType: -1 }],
    [13, { linkSourceOffset: 6, etherType: -1 }],
    [14, { network: 'ip', addressLength: 0 }],
    [33, { network: 'ip', protocol: -1 }],
    [34, { protocol: 6, sourcePort: -1, tcpFlags: -1 }],
    [38, { destinationPort: 443, tcpFlags: -1 }],
    [48, { tcpFlags: 2, payloadLength: 5, payloadOffset: 58 }],
  ])('sets what is there of a frame cut at %i bytes', (length, expected) => {
    expect(dissected(frame.subarray(0, length))).toMatchObject({ ...expected, isTruncated: true });
  });

  it('sets no ICMP type of a message that is cut before its code', () => {
    const echo = buildEthernet({ payload: buildIpv4({ ...four, protocol: 1, payload: buildIcmp({ type: 8 }) }) });
    expect(dissected(echo.subarray(0, 35))).toMatchObject({ transport: 'icmp', icmpType: -1, isTruncated: true });
  });

  it('never throws nor points outside, on any bytes', () => {
    const linkTypes = Object.values(LinkType);
    const into = new Dissection();
    const plausible = fc
      .tuple(
        fc.constantFrom(frame, buildEthernet({ payload: tcp6 }), buildEthernet({ tags: [{ id: 1 }], payload: tcp4 })),
        fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 6 }),
        fc.nat(90),
      )
      .map(([seed, edits, length]) => {
        const bytes = seed.slice(0, length);
        for (const [at, byte] of edits) if (at < bytes.length) bytes[at] = byte;
        return bytes;
      });
    fc.assert(
      fc.property(
        fc.oneof(fc.uint8Array({ maxLength: 120 }), plausible),
        fc.constantFrom(...linkTypes),
        (bytes, linkType) => {
          dissect(bytes, 0, bytes.length, linkType, into);
          if (into.addressLength > 0)
            expect(into.destinationOffset + into.addressLength).toBeLessThanOrEqual(bytes.length);
          expect(into.payloadLength).toBeGreaterThanOrEqual(-1);
          expect(summarize(into, bytes)).not.toMatch(/NaN|undefined/);
          flowKeyOf(into, bytes);
        },
      ),
      { numRuns: 20_000 },
    );
  }, 60_000);
});
