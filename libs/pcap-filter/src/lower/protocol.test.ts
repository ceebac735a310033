import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Bytes, ethernet, ipv4, ipv6, u16 } from '../../../../tests/conformance/ir/layers.js';
import { conditionsOf, holdsFor } from '../../../../tests/conformance/ir/lowered.js';

/** EtherTypes (IANA, IEEE). */
const TYPES = {
  ...{ ip: 0x0800, arp: 0x0806, rarp: 0x8035, ip6: 0x86dd, decnet: 0x6003, lat: 0x6004, sca: 0x6007 },
  ...{ moprc: 0x6002, mopdl: 0x6001, loopback: 0x9000 },
} as const;
/** Both service access points of an LLC header (IEEE 802.2). */
const SAPS = { iso: 0xfe, netbeui: 0xf0, stp: 0x42, ipx: 0xe0 } as const;
const names = [...Object.keys(TYPES), ...Object.keys(SAPS)];
/** `loopback` is no word of its own. */
const termOf = (name: string) => `ether proto \\${name}`;
const padding: Bytes = Array(40).fill(0);

/** IEEE 802.3: a length where the type would be, then the LLC header. */
const llc = (sap: number, length = 38) => ethernet(length, [sap, sap, 3, ...padding]);
const snap = (organisation: Bytes, type: number) =>
  ethernet(46, [0xaa, 0xaa, 3, ...organisation, ...u16(type), ...padding]);

const namesFound = (bytes: Bytes, linkType = 'EN10MB') =>
  names.filter((name) => holdsFor(termOf(name), bytes, { linkType }));

describe('protocols on Ethernet', () => {
  it.each(Object.entries(TYPES))('%s is told by its type, and nothing else is', (name, type) => {
    expect(namesFound(ethernet(type, padding))).toEqual([name]);
  });
  it.each(Object.entries(SAPS))('%s is told by its LLC header', (name, sap) => {
    expect(namesFound(llc(sap))).toEqual([name]);
  });
  it('an LLC header stands behind a length only', () => {
    expect([1500, 1501].map((type) => holdsFor('stp', llc(SAPS.stp, type)))).toEqual([true, false]);
    expect([1500, 1501].map((type) => holdsFor('iso', llc(SAPS.iso, type)))).toEqual([true, false]);
  });
  it.each<[string, string, Bytes, boolean]>([
    ['IPX by its type', 'ipx', ethernet(0x8137, padding), true],
    ['IPX in a SNAP header', 'ipx', snap([0, 0, 0], 0x8137), true],
    ['IPX without a header', 'ipx', ethernet(40, [0xff, 0xff, ...padding]), true],
    ['half of that', 'ipx', ethernet(40, [0xff, 0, ...padding]), false],
    ['AppleTalk by its type', 'atalk', ethernet(0x809b, padding), true],
    ['AppleTalk in Apple’s SNAP header', 'atalk', snap([8, 0, 7], 0x809b), true],
    ['AppleTalk in another’s SNAP header', 'atalk', snap([0, 0, 0], 0x809b), false],
    ['AARP in a SNAP header', 'aarp', snap([0, 0, 0], 0x80f3), true],
    ['AARP in Apple’s SNAP header', 'aarp', snap([8, 0, 7], 0x80f3), false],
    ['ISO by one of two access points', 'iso', ethernet(40, [0xfe, 0, ...padding]), false],
  ])('%s', (_, name, bytes, expected) => {
    expect(holdsFor(name, bytes)).toBe(expected);
  });
});

describe('protocols on other links', () => {
  const framings: Readonly<Record<string, (version: 4 | 6, packet: Bytes) => Bytes>> = {
    EN10MB: (version, packet) => ethernet(version === 4 ? 0x0800 : 0x86dd, packet),
    LINUX_SLL: (version, packet) => [...Array(14).fill(0), ...u16(version === 4 ? 0x0800 : 0x86dd), ...packet],
    LINUX_SLL2: (version, packet) => [...u16(version === 4 ? 0x0800 : 0x86dd), ...Array(18).fill(0), ...packet],
    RAW: (_, packet) => packet,
    IPV4: (_, packet) => packet,
    IPV6: (_, packet) => packet,
    NULL: (version, packet) => [version === 4 ? 2 : 30, 0, 0, 0, ...packet],
    LOOP: (version, packet) => [0, 0, 0, version === 4 ? 2 : 24, ...packet],
    PPP: (version, packet) => [0xff, 3, ...u16(version === 4 ? 0x21 : 0x57), ...packet],
    IEEE802_11: (version, packet) => [
      ...wlan(),
      0xaa,
      0xaa,
      3,
      0,
      0,
      0,
      ...u16(version === 4 ? 0x0800 : 0x86dd),
      ...packet,
    ],
  };
  const wlan = (): Bytes => [0x08, 0, ...Array(22).fill(0)];

  it.each(Object.keys(framings))('%s: IPv4 and IPv6, and a field of each, are found', (linkType) => {
    const property = fc.property(
      fc.constantFrom(4 as const, 6 as const),
      fc.constantFrom(6, 17, 1),
      (version, protocol) => {
        const only = { IPV4: 4, IPV6: 6 }[linkType];
        if (only !== undefined && only !== version) return;
        const packet = version === 4 ? ipv4({ protocol }, padding) : ipv6({ next: protocol }, padding);
        const frame = framings[linkType]?.(version, packet) ?? [];
        const found = ['ip', 'ip6', 'ip proto 17', 'ip6 proto 17'].map((text) => holdsFor(text, frame, { linkType }));
        const isUdp = protocol === 17;
        expect(found).toEqual([version === 4, version === 6, version === 4 && isUdp, version === 6 && isUdp]);
      },
    );
    fc.assert(property, { numRuns: 30 });
  });
  it.each<[string, Bytes, string, boolean]>([
    ['LINUX_SLL', [...Array(14).fill(0), 0, 4, 0xfe, 0xfe, 3], 'iso', true],
    ['LINUX_SLL', [...Array(14).fill(0), 0, 3, 0xfe, 0xfe, 3], 'iso', false],
    ['LINUX_SLL', [...Array(14).fill(0), 0, 1, 0xff, 0xff], 'ipx', true],
    ['LINUX_SLL', [...Array(14).fill(0), 0, 4, 0x42, 0x42], 'stp', true],
    ['PPP', [0xff, 3, 0, 0x23], 'iso', true],
    ['PPP', [0xff, 3, 0, 0x2b], 'ipx', true],
    ['RAW', [0x45], 'arp', false],
    ['NULL', [2, 0, 0, 0], 'arp', false],
    ['IEEE802_11', [0x04, 0, ...Array(22).fill(0), 0xfe, 0xfe], 'iso', false],
    ['IEEE802_11', [0x08, 0, ...Array(22).fill(0), 0xfe, 0xfe], 'iso', true],
    ['IEEE802_11', [0x08, 0, ...Array(22).fill(0), 0xaa, 0xaa, 3, 8, 0, 7, 0x80, 0x9b], 'atalk', true],
  ])('%s: %j and %s', (linkType, bytes, text, expected) => {
    expect(holdsFor(text, bytes, { linkType })).toBe(expected);
  });
  it.each<[string, boolean, Bytes, boolean]>([
    ['FreeBSD’s', false, [28, 0, 0, 0], true],
    ['the other byte order', false, [0, 0, 0, 28], true],
    ['Darwin’s', false, [30, 0, 0, 0], true],
    ['NetBSD’s', false, [24, 0, 0, 0], true],
    ['Linux’, in a file', false, [10, 0, 0, 0], false],
    ['Linux’, captured', true, [10, 0, 0, 0], true],
    ['Linux’ in the other byte order, captured', true, [0, 0, 0, 10], false],
    ['FreeBSD’s, captured', true, [28, 0, 0, 0], false],
  ])('NULL: %s number of IPv6', (_, live, bytes, expected) => {
    expect(holdsFor('ip6', bytes, { linkType: 'NULL', live })).toBe(expected);
  });
});

describe('behind MPLS labels', () => {
  it('the last label’s bottom bit and the first nibble tell the version', () => {
    expect(conditionsOf('mpls and ip')).toBe(
      '( [12:2] == 0x8847 and ( ([16:1] & 0x1) != 0x0 and ([18:1] & 0xf0) == 0x40 ) )',
    );
  });
  it('nothing else can be told', () => {
    expect(() => conditionsOf('mpls and arp')).toThrow(/only IPv4 and IPv6/);
  });
});
