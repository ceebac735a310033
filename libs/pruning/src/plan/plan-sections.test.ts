import { LinkType, linkTypeName } from '@bpfleet/packet';
import { type PrefilterToken, printToken } from '@bpfleet/pcap-filter';
import { describe, expect, it } from 'vitest';
import { planSections } from './plan-sections.js';
import type { SectionTest } from './section-test.js';
import { tokenTest } from './token-test.js';

/** Tests of Bloom bits by what they stand for. */
const KNOWN: readonly PrefilterToken[] = [
  ...[32, 24, 16, 8].map((bits) => ipv4(0x0a000007, bits as 32)),
  ...[443, 80].map((port) => ({ kind: 'port', port }) as const),
  { kind: 'mac', address: [0, 0x11, 0x22, 0x33, 0x44, 0x55] },
  { kind: 'vlan', id: 5 },
];
function ipv4(address: number, bits: 32 | 24 | 16 | 8): PrefilterToken {
  return { kind: 'ipv4', bits, address: (address & (0xffffffff << (32 - bits))) >>> 0 };
}
const nameOf = new Map(
  KNOWN.map((token) => {
    const test = tokenTest(token);
    const own = test.kind === 'and' ? test.parts[0]! : test;
    return [JSON.stringify(own), printToken(token).replace('10.0.0.7/32', '10.0.0.7')];
  }),
);

function print(test: SectionTest): string {
  switch (test.kind) {
    case 'and':
    case 'or':
      return `(${test.parts.map(print).join(` ${test.kind} `)})`;
    case 'bits':
      return nameOf.get(JSON.stringify(test)) ?? '?';
    case 'layers':
      return test.anyOf.map(printLayer).join('|');
    default:
      return test.kind;
  }
}

function printLayer(layer: number): string {
  const number = layer & 0xffff;
  if (layer >>> 16 === 1) return linkTypeName(number);
  return layer >>> 16 === 2 ? `type ${number.toString(16)}` : `protocol ${number}`;
}

const HOST = '(ipv4 10.0.0.7 and ipv4 10.0.0.0/24 and ipv4 10.0.0.0/16 and ipv4 10.0.0.0/8)';

describe('planSections', () => {
  it.each([
    ['', 'all'],
    ['host 10.0.0.7', HOST],
    ['port 443', 'port 443'],
    ['tcp port 443 and host 10.0.0.7', `${HOST.slice(0, -1)} and port 443 and protocol 6)`],
    ['tcp or port 80', '(protocol 6 or port 80)'],
    ['arp', 'type 806'],
    ['less 100', 'all'],
    ['not tcp', 'all'],
  ])('“%s” asks for %s', (expression, asked) => {
    expect(print(planSections(expression))).toBe(asked);
  });
  it('asks for the tag in the bytes, which is in the index also where it was metadata', () => {
    expect(print(planSections('vlan 5'))).toBe('vlan 5');
  });
  it('leaves out link types on which it has no meaning or never matches, and looks at those that may leave it undecided', () => {
    expect(print(planSections('ether host 00:11:22:33:44:55'))).toBe('mac 00:11:22:33:44:55');
    // By the direction that the interface blocks tell.
    expect(print(planSections('inbound and port 443'))).toBe(
      '(EN10MB|RAW|IPV4|IPV6|NULL|LOOP|PPP|IEEE802_11|IEEE802_11_RADIO or (port 443 and LINUX_SLL|LINUX_SLL2))',
    );
    expect(print(planSections('ip and tcp and host 10.0.0.7'))).not.toContain(linkTypeName(LinkType.IPV6));
  });
  it('asks for 256 tokens at most: a long list by shorter prefixes, or not at all', () => {
    const hosts = Array.from({ length: 1000 }, (_, index) => `10.1.${index >> 3}.${index & 7}`);
    const test = planSections(`src host in {${hosts}} and port 443`);
    expect(count(test)).toBeLessThanOrEqual(2 * 256);
    expect(print(test)).toContain('port 443');
    const long = Array.from({ length: 4000 }, (_, index) => `10.1.${index >> 8}.${index & 255}`);
    expect(print(planSections(`src host in {${long}} and port 443`))).toMatch(/ or LINUX_SLL\|.*RADIO\)$/);
    expect(count(planSections('port in {1-250} or port in {300-400}'))).toBe(0);
  });
});

function count(test: SectionTest): number {
  if (test.kind === 'and' || test.kind === 'or') return test.parts.reduce((sum, part) => sum + count(part), 0);
  return test.kind === 'bits' || test.kind === 'layers' ? 1 : 0;
}
