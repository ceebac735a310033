import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Bytes, ethernet, ipv4, ipv6, ports } from '../../../../tests/conformance/ir/layers.js';
import { conditionsOf, holdsFor } from '../../../../tests/conformance/ir/lowered.js';

const IP = 0x0800;
const IP6 = 0x86dd;
const NUMBERS = { tcp: 6, udp: 17, sctp: 132 } as const;
const [FRAGMENT, OPTIONS, AUTHENTICATION] = [44, 60, 51];
const number = fc.constantFrom(...Object.values(NUMBERS), 1, 58);
const port = fc.constantFrom(0, 53, 80, 443, 65_535);

interface Packet {
  readonly version: 4 | 6;
  readonly protocol: number;
  readonly source: number;
  readonly destination: number;
  readonly headerWords: number;
  readonly fragmentOffset: number;
  readonly flags: number;
}
const packet: fc.Arbitrary<Packet> = fc.record({
  ...{ version: fc.constantFrom(4, 6), protocol: number, source: port, destination: port },
  headerWords: fc.integer({ min: 5, max: 15 }),
  fragmentOffset: fc.constantFrom(0, 0, 0, 1, 0x1fff),
  flags: fc.constantFrom(0, 0x2000, 0x4000, 0xe000),
});
const frameOf = (one: Packet): Bytes => {
  const payload = ports(one.source, one.destination);
  return one.version === 4 ? ethernet(IP, ipv4(one, payload)) : ethernet(IP6, ipv6({ next: one.protocol }, payload));
};
/** Later fragments of IPv4 have no ports. */
const hasPorts = ({ version, protocol, fragmentOffset }: Packet) =>
  Object.values(NUMBERS).includes(protocol as 6) && (version === 6 || fragmentOffset === 0);

describe('ports', () => {
  it('are those behind a header with its options, in first fragments, of the protocols that have ports', () => {
    const property = fc.property(
      packet,
      port,
      fc.constantFrom('src', 'dst', 'src or dst', 'src and dst'),
      (one, wanted, way) => {
        const [source, destination] = [one.source === wanted, one.destination === wanted];
        const found = {
          src: source,
          dst: destination,
          'src or dst': source || destination,
          'src and dst': source && destination,
        };
        expect(holdsFor(`${way} port ${wanted}`, frameOf(one))).toBe(hasPorts(one) && found[way]);
      },
    );
    fc.assert(property, { numRuns: 1000 });
  });
  it('of one protocol are of no other', () => {
    const property = fc.property(packet, fc.constantFrom('tcp', 'udp', 'sctp'), (one, protocol) => {
      const isOfIt = one.protocol === NUMBERS[protocol] && hasPorts(one) && one.destination === 80;
      expect(holdsFor(`${protocol} dst port 80`, frameOf(one))).toBe(isOfIt);
    });
    fc.assert(property, { numRuns: 1000 });
  });
  it('are in a range with both of its ends', () => {
    const of = (destination: number) => holdsFor('dst portrange 53-80', ethernet(IP, ipv4({}, ports(1, destination))));
    expect([52, 53, 60, 80, 81].map(of)).toEqual([false, true, true, true, false]);
  });
  it('are looked for over IPv6 first: its conditions stand where libpcap has them', () => {
    expect(conditionsOf('tcp dst port 80')).toBe(
      '( ( [12:2] == 0x86dd and ( [20:1] == 0x6 and [56:2] == 0x50 ) ) or ( [12:2] == 0x800 and ( [23:1] == 0x6 and not ' +
        '([20:2] & 0x1fff) != 0x0 and [(([14:1] & 0xf) << 0x2) + 16:2] == 0x50 ) ) )',
    );
  });
});

describe('transport protocols', () => {
  it('are found over both versions, also in later fragments', () => {
    const property = fc.property(packet, fc.constantFrom('tcp', 'udp', 'sctp'), (one, protocol) => {
      expect(holdsFor(protocol, frameOf(one))).toBe(one.protocol === NUMBERS[protocol]);
      expect(holdsFor(`ip proto ${NUMBERS[protocol]}`, frameOf(one))).toBe(
        one.protocol === NUMBERS[protocol] && one.version === 4,
      );
    });
    fc.assert(property, { numRuns: 500 });
  });
  it('are found behind an IPv6 fragment header, and behind no other header', () => {
    const behind = (header: number) => ethernet(IP6, ipv6({ next: header }, [6, 0, 0, 0, 0, 0, 0, 0, ...ports(1, 80)]));
    expect([FRAGMENT, OPTIONS].map((header) => holdsFor('tcp', behind(header)))).toEqual([true, false]);
    expect(holdsFor('tcp port 80', behind(FRAGMENT))).toBe(false);
  });
});

describe('protochain', () => {
  /** Each of eight bytes, but for authentication headers of 24. */
  const chained = (headers: readonly number[], last: number): Bytes => {
    const bytes = headers.flatMap((header, index) => {
      const next = headers[index + 1] ?? last;
      return header === AUTHENTICATION ? [next, 4, ...Array(22).fill(9)] : [next, 0, ...Array(6).fill(9)];
    });
    return ethernet(IP6, ipv6({ next: headers[0] ?? last }, [...bytes, ...ports(1, 2)]));
  };
  it('finds what stands behind up to eight headers of any kind, and each of these', () => {
    const headers = fc.array(fc.constantFrom(0, 43, FRAGMENT, AUTHENTICATION, OPTIONS), { maxLength: 10 });
    const property = fc.property(headers, number, (list, last) => {
      expect(holdsFor(`ip6 protochain ${last}`, chained(list, last))).toBe(list.length <= 8);
      for (const header of list.slice(0, 8))
        expect(holdsFor(`ip6 protochain ${header}`, chained(list, last))).toBe(true);
      expect(holdsFor('ip6 protochain 89', chained(list, last))).toBe(false);
    });
    fc.assert(property, { numRuns: 500 });
  });
  it('follows authentication headers alone over IPv4', () => {
    const of = (header: number) =>
      ethernet(IP, ipv4({ protocol: header }, [6, 4, ...Array(22).fill(9), ...ports(1, 2)]));
    expect([AUTHENTICATION, OPTIONS].map((header) => holdsFor('ip protochain 6', of(header)))).toEqual([true, false]);
  });
});
