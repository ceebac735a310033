import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Bytes,
  ethernet,
  ipv4,
  ipv6,
  label,
  ports,
  tag,
  u16,
  u32,
} from '../../../../tests/conformance/ir/layers.js';
import { conditionsOf, holdsFor } from '../../../../tests/conformance/ir/lowered.js';

const host = (source: number, headerWords = 5) => ipv4({ source, headerWords, protocol: 6 }, ports(1, 80));
const [ONE, IP, VLAN] = [0x0a00_0001, 0x0800, 0x8100];
const NO_TAG = { protocol: IP, packetType: 0, interfaceIndex: 1, vlanTagPresent: false, vlanTci: 0, vlanProtocol: 0 };
const tagged = (ids: readonly number[], type: number, payload: Bytes): Bytes => {
  const inner = ids.reduceRight<{ type: number; payload: Bytes }>(
    (rest, id) => ({ type: VLAN, payload: tag(id, rest.type, rest.payload) }),
    { type, payload },
  );
  return ethernet(inner.type, inner.payload);
};
const id = fc.constantFrom(0, 1, 10, 4095);

describe('vlan', () => {
  it('finds a tag, and what follows in the text behind it', () => {
    const property = fc.property(fc.array(id, { maxLength: 3 }), id, (ids, wanted) => {
      const frame = tagged(ids, IP, host(ONE));
      expect(holdsFor('vlan', frame)).toBe(ids.length > 0);
      expect(holdsFor(`vlan ${wanted}`, frame)).toBe(ids[0] === wanted);
      expect(holdsFor(`vlan and vlan ${wanted}`, frame)).toBe(ids[1] === wanted);
      expect(holdsFor('vlan and tcp port 80', frame)).toBe(ids.length === 1);
      expect(holdsFor('vlan and vlan and src host 10.0.0.1', frame)).toBe(ids.length === 2);
    });
    fc.assert(property, { numRuns: 500 });
  });
  it('takes the priority’s bits for no part of the id', () => {
    expect(holdsFor('vlan 10', tagged([0xe00a], IP, host(ONE)))).toBe(true);
  });
  it.each([0x8100, 0x88a8, 0x9100])('knows the type 0x%s', (type) => {
    expect(holdsFor('vlan 7 and ip', ethernet(type, tag(7, IP, host(ONE))))).toBe(true);
  });
  it('finds on a capture the tag beside the bytes, or in them', () => {
    const property = fc.property(
      fc.option(id, { nil: undefined }),
      fc.array(id, { maxLength: 2 }),
      id,
      (beside, ids, wanted) => {
        const metadata = { ...NO_TAG, vlanTagPresent: beside !== undefined, vlanTci: beside ?? 0 };
        const found = (text: string) => holdsFor(text, tagged(ids, IP, host(ONE)), { live: true }, metadata);
        const all = [...(beside === undefined ? [] : [beside]), ...ids];
        expect(found(`vlan ${wanted}`)).toBe(all[0] === wanted);
        expect(found(`vlan and vlan ${wanted}`)).toBe(all[1] === wanted);
        expect(found('vlan and src host 10.0.0.1')).toBe(all.length === 1);
        expect(found('ip')).toBe(ids.length === 0);
      },
    );
    fc.assert(property, { numRuns: 500 });
  });
  it('moves terms on also behind “or”, as in libpcap, unless parentheses hold it', () => {
    const [plain, one] = [tagged([], IP, host(ONE)), tagged([7], IP, host(ONE))];
    expect([plain, one].map((frame) => holdsFor('vlan 5 or ip', frame))).toEqual([false, true]);
    const scoped = { scopedEncapsulation: true };
    expect([plain, one].map((frame) => holdsFor('(vlan 5 and tcp) or ip', frame, scoped))).toEqual([true, false]);
  });
  it('is refused behind labels and where there are no tags', () => {
    expect(() => conditionsOf('mpls and vlan')).toThrow(/no VLAN tags behind MPLS labels/);
    expect(() => conditionsOf('vlan', { linkType: 'RAW' })).toThrow(/no VLAN tags on raw IP/);
  });
});

describe('mpls', () => {
  it('finds labels, and IP behind the last of them', () => {
    const labels = fc.array(fc.constantFrom(0, 3, 1024, 0xf_ffff), { minLength: 1, maxLength: 3 });
    const property = fc.property(labels, fc.constantFrom(0, 3, 0xf_ffff), (list, wanted) => {
      const stack = list.flatMap((number, index) => label(number, index === list.length - 1));
      const frame = ethernet(0x8847, [...stack, ...host(ONE)]);
      expect(holdsFor(`mpls ${wanted}`, frame)).toBe(list[0] === wanted);
      expect(holdsFor(`mpls and mpls ${wanted}`, frame)).toBe(list[1] === wanted);
      const terms = list.map(() => 'mpls').join(' and ');
      expect(holdsFor(`${terms} and src host 10.0.0.1`, frame)).toBe(true);
      expect(holdsFor(`${terms} and mpls`, frame)).toBe(false);
      if (list.length > 1) expect(holdsFor('mpls and ip', frame)).toBe(false);
    });
    fc.assert(property, { numRuns: 300 });
  });
});

describe('pppoes', () => {
  it('finds a session, and what PPP carries in it', () => {
    const session = (number: number, protocol: number) =>
      ethernet(0x8864, [0x11, 0, ...u16(number), 0, 0, ...u16(protocol), ...host(ONE)]);
    expect([7, 8].map((number) => holdsFor('pppoes 7', session(number, 0x21)))).toEqual([true, false]);
    expect([0x21, 0x57].map((protocol) => holdsFor('pppoes and src host 10.0.0.1', session(7, protocol)))).toEqual([
      true,
      false,
    ]);
    expect(holdsFor('pppoed', ethernet(0x8863, []))).toBe(true);
  });
});

describe('tunnels over UDP', () => {
  interface Outer {
    readonly version: 4 | 6;
    readonly headerWords: number;
  }
  const outer: fc.Arbitrary<Outer> = fc.record({
    version: fc.constantFrom(4, 6),
    headerWords: fc.integer({ min: 5, max: 15 }),
  });
  const over = ({ version, headerWords }: Outer, port: number, payload: Bytes): Bytes => {
    const udp = [...u16(9), ...u16(port), 0, 0, 0, 0, ...payload];
    return version === 4
      ? ethernet(IP, ipv4({ protocol: 17, headerWords, source: 0x0a00_0009 }, udp))
      : ethernet(0x86dd, ipv6({ next: 17 }, udp));
  };
  const vni = fc.constantFrom(0, 7, 0xff_ffff);
  const inner = ethernet(IP, host(ONE, 6));

  it('geneve finds its network, and what it carries behind its options', () => {
    const property = fc.property(
      outer,
      vni,
      fc.integer({ min: 0, max: 63 }),
      fc.boolean(),
      (one, network, optionWords, hasFrame) => {
        const options = Array(4 * optionWords).fill(0x45);
        const geneve = [optionWords, 0, ...u16(hasFrame ? 0x6558 : IP), ...u32((network << 8) >>> 0), ...options];
        const packet = over(one, 6081, [...geneve, ...(hasFrame ? inner : host(ONE, 6))]);
        expect(holdsFor('geneve 7', packet)).toBe(network === 7);
        expect(holdsFor('geneve and src host 10.0.0.1', packet)).toBe(true);
        expect(holdsFor('geneve and tcp dst port 80', packet)).toBe(true);
        expect(holdsFor('geneve and udp', packet)).toBe(false);
        // Without a frame inside there are no addresses.
        expect(holdsFor('geneve and ether host 2:2:2:2:2:2', packet)).toBe(hasFrame);
        expect(holdsFor('geneve', over(one, 6082, geneve))).toBe(false);
        expect(holdsFor('geneve', over(one, 6081, [0x40 | optionWords, ...geneve.slice(1)]))).toBe(false);
      },
    );
    fc.assert(property, { numRuns: 300 });
  });
  it('vxlan finds its network where the flag says that it has one, and the frame inside', () => {
    const property = fc.property(outer, vni, fc.constantFrom(0x08, 0x88, 0), (one, network, flags) => {
      const packet = over(one, 4789, [flags, 0, 0, 0, ...u32((network << 8) >>> 0), ...inner]);
      const isVxlan = (flags & 8) !== 0;
      expect(holdsFor('vxlan 7', packet)).toBe(isVxlan && network === 7);
      expect(holdsFor('vxlan and src host 10.0.0.1 and ether host 2:2:2:2:2:2', packet)).toBe(isVxlan);
    });
    fc.assert(property, { numRuns: 200 });
  });
  it('are not in later fragments', () => {
    const geneve = [0, 0, ...u16(IP), 0, 0, 7, 0, ...host(ONE)];
    const udp = [...u16(9), ...u16(6081), 0, 0, 0, 0, ...geneve];
    expect(holdsFor('geneve', ethernet(IP, ipv4({ protocol: 17, fragmentOffset: 1 }, udp)))).toBe(false);
  });
  it('ask for an LLC protocol right behind the type, where no frame is inside too', () => {
    const geneve = [0, 0, ...u16(20), 0x42, 0, 0, 0, ...Array(20).fill(0)];
    expect(holdsFor('geneve and stp', over({ version: 4, headerWords: 5 }, 6081, geneve))).toBe(true);
  });
});
