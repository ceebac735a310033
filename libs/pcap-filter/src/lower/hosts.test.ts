import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arp, type Bytes, ethernet, ipv4, ipv6, label } from '../../../../tests/conformance/ir/layers.js';
import { conditionsOf, holdsFor } from '../../../../tests/conformance/ir/lowered.js';

const TYPES = { ip: 0x0800, arp: 0x0806, rarp: 0x8035, ip6: 0x86dd } as const;
const address4 = fc.constantFrom(0x0a00_0001, 0x0a00_0002, 0x0a01_0001, 0x0aff_ffff, 0xc0a8_0107, 0xffff_ffff, 0);
const dotted = (address: number) => [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.');
const direction = fc.constantFrom('src', 'dst', 'src or dst', 'src and dst');

function sides(way: string, source: boolean, destination: boolean): boolean {
  switch (way) {
    case 'src':
      return source;
    case 'dst':
      return destination;
    case 'src and dst':
      return source && destination;
    default:
      return source || destination;
  }
}

describe('IPv4 hosts and networks', () => {
  const carrier = fc.constantFrom('ip', 'arp', 'rarp');
  const frameOf = (by: 'ip' | 'arp' | 'rarp', source: number, destination: number): Bytes =>
    ethernet(TYPES[by], by === 'ip' ? ipv4({ source, destination }) : arp(source, destination));

  it('are the addresses of IPv4, ARP and RARP, or of the one that is named', () => {
    const property = fc.property(
      carrier,
      address4,
      address4,
      address4,
      direction,
      carrier,
      (by, source, destination, wanted, way, named) => {
        const frame = frameOf(by, source, destination);
        const found = sides(way, source === wanted, destination === wanted);
        expect(holdsFor(`${way} host ${dotted(wanted)}`, frame)).toBe(found);
        expect(holdsFor(`${named} ${way} host ${dotted(wanted)}`, frame)).toBe(found && named === by);
      },
    );
    fc.assert(property, { numRuns: 1500 });
  });
  it('are compared by the bits of the mask, also of one with holes', () => {
    const mask = fc.constantFrom(0xff00_0000, 0xffff_ffff, 0xff00_00ff, 0x0000_ffff, 0xfffe_0000, 0);
    const property = fc.property(address4, address4, mask, (source, network, bits) => {
      const wanted = (network & bits) >>> 0;
      const text = `src net ${dotted(wanted)} mask ${dotted(bits)}`;
      expect(holdsFor(text, frameOf('ip', source, 0))).toBe((source & bits) >>> 0 === wanted);
    });
    fc.assert(property, { numRuns: 1000 });
  });
  it('of long lists are looked for as those of short ones', () => {
    // Every second address: more ranges than each carrier gets a tree for.
    const list = Array.from({ length: 60 }, (_, index) => 0x0a00_0000 + 2 * index);
    const text = (way: string) => `${way} host (${list.map(dotted).join(' or ')})`;
    const near = fc.integer({ min: 0x0a00_0000, max: 0x0a00_0000 + 130 });
    const property = fc.property(carrier, near, near, direction, (by, source, destination, way) => {
      const found = sides(way, list.includes(source), list.includes(destination));
      // A list of “src and dst” is each address on both sides.
      if (way === 'src and dst') return;
      expect(holdsFor(text(way), frameOf(by, source, destination))).toBe(found);
    });
    fc.assert(property, { numRuns: 300 });
    expect(conditionsOf(text('src')).match(/\[slot 0 \+ 0:4\]/g)).toHaveLength(1);
  });
  it('are behind MPLS labels those of IPv4 alone, unless another is named', () => {
    const labelled = ethernet(0x8847, [...label(3, true), ...ipv4({ source: 0x0a00_0001 })]);
    expect(holdsFor('mpls and src host 10.0.0.1', labelled)).toBe(true);
    expect(() => holdsFor('mpls and arp src host 10.0.0.1', labelled)).toThrow(/MPLS/);
  });
});

describe('IPv6 hosts and networks', () => {
  const bytes = fc.array(fc.constantFrom(0, 1, 0x20, 0xff), { minLength: 16, maxLength: 16 });
  const written = (address: Bytes) =>
    Array.from({ length: 8 }, (_, index) =>
      ((address[2 * index] ?? 0) * 256 + (address[2 * index + 1] ?? 0)).toString(16),
    ).join(':');
  /** All bits behind the prefix are 0. */
  const cut = (address: Bytes, length: number): Bytes =>
    address.map((byte, index) => byte & (0xff00 >> Math.min(8, Math.max(0, length - 8 * index))) & 0xff);

  it('are the addresses of IPv6, compared by the bits of the prefix', () => {
    const length = fc.integer({ min: 0, max: 128 });
    const property = fc.property(
      bytes,
      bytes,
      length,
      direction,
      fc.boolean(),
      (source, destination, bits, way, near) => {
        const wanted = cut(near ? source : destination, bits);
        const isIn = (address: Bytes) => cut(address, bits).every((byte, index) => byte === wanted[index]);
        const frame = ethernet(TYPES.ip6, ipv6({ source, destination }));
        expect(holdsFor(`${way} net ${written(wanted)}/${bits}`, frame)).toBe(
          sides(way, isIn(source), isIn(destination)),
        );
        expect(
          holdsFor(`${way} net ${written(wanted)}/${bits}`, ethernet(TYPES.ip, ipv6({ source, destination }))),
        ).toBe(false);
      },
    );
    fc.assert(property, { numRuns: 1500 });
  });
});

describe('DECnet hosts', () => {
  // Area 1, node 19 is 0x0413, little-endian in the packet.
  const [low, high] = [0x13, 0x04];
  const frame = (...payload: Bytes) => ethernet(0x6003, [...payload, ...Array(30).fill(0)]);
  it.each<[string, Bytes, boolean, boolean]>([
    ['short', [9, 9, 0x02, low, high, 7, 7], false, true],
    ['short, its source', [9, 9, 0x02, 7, 7, low, high], true, false],
    ['short behind a byte of padding', [9, 9, 0x81, 0x02, low, high, 7, 7], false, true],
    ['long', [9, 9, 0x06, ...Array(6).fill(7), low, high], false, true],
    ['long, its source', [9, 9, 0x06, ...Array(14).fill(7), low, high], true, false],
    ['long behind a byte of padding', [9, 9, 0x81, 0x06, ...Array(6).fill(7), low, high], false, true],
    ['of another kind', [9, 9, 0x04, low, high, low, high], false, false],
  ])('in a packet that is %s', (_, payload, isSource, isDestination) => {
    const found = ['src', 'dst', 'src or dst'].map((way) => holdsFor(`decnet ${way} host 1.19`, frame(...payload)));
    expect(found).toEqual([isSource, isDestination, isSource || isDestination]);
  });
});
