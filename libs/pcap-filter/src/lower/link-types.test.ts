import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Bytes, ipv4 } from '../../../../tests/conformance/ir/layers.js';
import { conditionsOf, holdsFor } from '../../../../tests/conformance/ir/lowered.js';
import { networkOffset, supportedLinkTypes } from './link-types.js';

describe('link types', () => {
  it.each([
    ['EN10MB', 14],
    ['LINUX_SLL', 16],
    ['LINUX_SLL2', 20],
    ['RAW', 0],
    ['NULL', 4],
    ['PPP', 4],
    // Decided by the packet, or not known.
    ['IEEE802_11', 0],
    ['ARCNET', 0],
  ])('have the network header of %s at %d', (linkType, offset) => {
    expect(networkOffset(linkType)).toBe(offset);
  });
  it('are refused by name where they are not supported', () => {
    expect(() => conditionsOf('ip', { linkType: 'ARCNET' })).toThrow(/link type ARCNET are not supported/);
    expect(() => conditionsOf('', { linkType: 'ARCNET' })).toThrow(/link type ARCNET/);
    for (const linkType of supportedLinkTypes) expect(conditionsOf('', { linkType })).toBe('always');
  });
});

describe('802.11 headers', () => {
  const SNAP: Bytes = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];
  const wlan = (isQos: boolean): Bytes => [isQos ? 0x88 : 0x08, 0, ...Array(22).fill(0), ...(isQos ? [0, 0] : [])];
  const here = ipv4({ source: 0x0a00_0001 });
  const found = (bytes: Bytes, linkType: string) => [
    holdsFor('ip', bytes, { linkType }),
    holdsFor('src host 10.0.0.1', bytes, { linkType }),
  ];

  it('are two bytes longer in QoS data frames', () => {
    for (const isQos of [false, true])
      expect(found([...wlan(isQos), ...SNAP, ...here], 'IEEE802_11')).toEqual([true, true]);
  });
  it('stand behind a radiotap header, whose length is little-endian, and are padded where its flags say so', () => {
    const TSFT = 0x01;
    const FLAGS = 0x02;
    const isPadded = 0x20;
    const property = fc.property(
      fc.integer({ min: 20, max: 300 }),
      fc.boolean(),
      fc.boolean(),
      fc.boolean(),
      fc.boolean(),
      (length, isQos, hasTsft, hasFlags, pads) => {
        // Present bits are little-endian: the first eight stand in the first byte.
        const radiotap = [
          0,
          0,
          length & 0xff,
          length >> 8,
          (hasTsft ? TSFT : 0) | (hasFlags ? FLAGS : 0),
          0,
          0,
          0,
          ...Array(length - 8).fill(0),
        ];
        radiotap[hasTsft ? 16 : 8] = pads ? isPadded : 0;
        const header = [...radiotap, ...wlan(isQos)];
        const gap = hasFlags && pads ? (4 - (header.length % 4)) % 4 : 0;
        expect(found([...header, ...Array(gap).fill(7), ...SNAP, ...here], 'IEEE802_11_RADIO')).toEqual([true, true]);
      },
    );
    fc.assert(property, { numRuns: 300 });
  });
  it('are not looked for flags behind a further bitmap of what is present', () => {
    const radiotap = [0, 0, 24, 0, 0x02, 0, 0, 0x80, ...Array(16).fill(0xff)];
    expect(found([...radiotap, ...wlan(true), ...SNAP, ...here], 'IEEE802_11_RADIO')).toEqual([true, true]);
  });
  it('are worked out only where a term needs them', () => {
    expect(conditionsOf('type data', { linkType: 'IEEE802_11' })).toBe('([0:1] & 0xc) == 0x8');
    expect(conditionsOf('radio[2] = 8', { linkType: 'IEEE802_11_RADIO' })).toBe('[2:1] == 0x8');
    expect(conditionsOf('type data', { linkType: 'IEEE802_11_RADIO' })).toContain('slot 0 := (([3:1] << 0x8) | [2:1])');
    expect(conditionsOf('type data', { linkType: 'IEEE802_11_RADIO' })).not.toContain('slot 1');
  });
});
