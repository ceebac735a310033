import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Bytes, ethernet } from '../../../../tests/conformance/ir/layers.js';
import { holdsFor } from '../../../../tests/conformance/ir/lowered.js';

const byte = fc.constantFrom(0, 1, 2, 0xff);
const address = fc.array(byte, { minLength: 6, maxLength: 6 });
const written = (bytes: Bytes) => bytes.map((one) => one.toString(16).padStart(2, '0')).join(':');
const isSame = (a: Bytes, b: Bytes) => a.every((one, index) => one === b[index]);

describe('Ethernet addresses', () => {
  it('are the destination’s, then the source’s', () => {
    const property = fc.property(address, address, address, fc.boolean(), (destination, source, other, isSource) => {
      const frame = ethernet(0x0800, [], [...destination, ...source]);
      for (const wanted of [isSource ? source : destination, other]) {
        const [isTo, isFrom] = [isSame(destination, wanted), isSame(source, wanted)];
        const found = ['src', 'dst', 'src or dst', 'src and dst'].map((way) =>
          holdsFor(`ether ${way} ${written(wanted)}`, frame),
        );
        expect(found).toEqual([isFrom, isTo, isFrom || isTo, isFrom && isTo]);
      }
    });
    fc.assert(property, { numRuns: 500 });
  });
  it('of a list are each looked for', () => {
    const property = fc.property(fc.array(address, { minLength: 1, maxLength: 8 }), address, (list, source) => {
      const frame = ethernet(0x0800, [], [...Array(6).fill(9), ...source]);
      const text = `ether src (${list.map(written).join(' or ')})`;
      expect(holdsFor(text, frame)).toBe(list.some((one) => isSame(one, source)));
    });
    fc.assert(property, { numRuns: 500 });
  });
  it('say who is meant by broadcast and multicast', () => {
    const property = fc.property(address, (destination) => {
      const frame = ethernet(0x0800, [], [...destination, ...Array(6).fill(0xff)]);
      expect(holdsFor('ether broadcast', frame)).toBe(destination.every((one) => one === 0xff));
      expect(holdsFor('ether multicast', frame)).toBe(((destination[0] ?? 0) & 1) === 1);
    });
    fc.assert(property, { numRuns: 200 });
  });
  it.each([
    ['RAW', 'ether host 0:1:2:3:4:5', /MAC addresses exist on Ethernet and 802.11, not on raw IP/],
    ['RAW', 'ether multicast', /multicast addresses of the link layer/],
    ['EN10MB', 'wlan addr1 0:1:2:3:4:5', /“addr1” exists on 802.11, not on Ethernet/],
  ])('are refused on %s: %s', (linkType, text, message) => {
    expect(() => holdsFor(text, [], { linkType })).toThrow(message);
  });
});

describe('802.11 addresses', () => {
  /** IEEE 802.11, table 9-30: which address is whose, by the bits “to DS” (1) and “from DS” (2) of data frames. */
  const ROLES: Readonly<Record<number, { destination: number; source: number }>> = {
    0: { destination: 1, source: 2 },
    1: { destination: 3, source: 2 },
    2: { destination: 1, source: 3 },
    3: { destination: 3, source: 4 },
  };
  const [MANAGEMENT, CONTROL, DATA] = [0x00, 0x04, 0x08];
  const macs = [1, 2, 3, 4].map((number): Bytes => [number, number, number, number, number, 0x10]);
  const frame = (type: number, way: number): Bytes => {
    const [first = [], second = [], third = [], fourth = []] = macs;
    return [type, way, 0, 0, ...first, ...second, ...third, 0, 0, ...fourth];
  };
  const found = (word: string, type: number, way: number) =>
    [1, 2, 3, 4].filter((number) =>
      holdsFor(`wlan ${word} ${written(macs[number - 1] ?? [])}`, frame(type, way), { linkType: 'IEEE802_11' }),
    );

  it.each([0, 1, 2, 3])('of data frames are whose the DS bits %d say', (way) => {
    const { destination, source } = ROLES[way] ?? { destination: 0, source: 0 };
    expect([found('src', DATA, way), found('dst', DATA, way)]).toEqual([[source], [destination]]);
    expect(found('host', DATA, way)).toEqual([source, destination].sort());
  });
  it('of management frames are always the first two', () => {
    for (const way of [0, 1, 2, 3])
      expect([found('src', MANAGEMENT, way), found('dst', MANAGEMENT, way)]).toEqual([[2], [1]]);
  });
  it('of control frames have no source and destination', () => {
    for (const way of [0, 3]) expect([found('src', CONTROL, way), found('dst', CONTROL, way)]).toEqual([[], []]);
  });
  it('are found by their numbers where the frame has them', () => {
    const numbered = (type: number, way: number) =>
      ['addr1', 'addr2', 'addr3', 'addr4'].map((word) => found(word, type, way));
    expect(numbered(DATA, 3)).toEqual([[1], [2], [3], [4]]);
    expect(numbered(DATA, 1)).toEqual([[1], [2], [3], []]);
    // RTS has two, CTS and ACK one.
    expect([0xb4, 0xc4, 0xd4].map((type) => numbered(type, 0))).toEqual([
      [[1], [2], [], []],
      [[1], [], [], []],
      [[1], [], [], []],
    ]);
  });
  it('are receiver and transmitter of data frames', () => {
    expect([
      found('ra', DATA, 1),
      found('ta', DATA, 1),
      found('ra', MANAGEMENT, 1),
      found('ta', MANAGEMENT, 1),
    ]).toEqual([[1], [2], [], []]);
  });
  it('say who is meant by multicast', () => {
    const to = (type: number, way: number, first: number, third: number) => {
      const bytes = [...frame(type, way)];
      bytes[4] = first;
      bytes[16] = third;
      return holdsFor('wlan multicast', bytes, { linkType: 'IEEE802_11' });
    };
    expect([to(DATA, 0, 1, 0), to(DATA, 0, 0, 1), to(DATA, 1, 1, 0), to(DATA, 1, 0, 1)]).toEqual([
      true,
      false,
      false,
      true,
    ]);
  });
});
