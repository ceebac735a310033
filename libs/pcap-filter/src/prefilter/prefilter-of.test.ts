import { describe, expect, it } from 'vitest';
import type { CompileOptions } from '../compile.js';
import { mayMatch } from './prefilter.js';
import { prefilterOf } from './prefilter-of.js';
import { printPrefilter, printToken } from './print-prefilter.js';

const printed = (expression: string, options?: CompileOptions) => printPrefilter(prefilterOf(expression, options));

describe('prefilterOf', () => {
  it.each([
    ['', 'all'],
    ['tcp port 443', '(protocol 6 and port 443)'],
    ['port 53', 'port 53'],
    ['udp portrange 5000-5003', '(protocol 17 and (port 5000 or port 5001 or port 5002 or port 5003))'],
    ['portrange 1-1023', 'all'],
    ['tcp portrange 1-1023', 'protocol 6'],
    ['host 10.0.0.7', 'ipv4 10.0.0.7/32'],
    ['arp host 10.0.0.7', '(ethertype 0x0806 and ipv4 10.0.0.7/32)'],
    ['net 10.0.0.0/8', 'ipv4 10.0.0.0/8'],
    [
      'net 10.0.0.0/30',
      '(ipv4 10.0.0.0/24 and (ipv4 10.0.0.0/32 or ipv4 10.0.0.1/32 or ipv4 10.0.0.2/32 or ipv4 10.0.0.3/32))',
    ],
    ['net 128.0.0.0/7', '(ipv4 128.0.0.0/8 or ipv4 129.0.0.0/8)'],
    ['net 10.16.0.0/15', '(ipv4 10.0.0.0/8 and (ipv4 10.16.0.0/16 or ipv4 10.17.0.0/16))'],
    ['net 0.0.0.0/0', 'all'],
    ['net 10.0.7.0 mask 255.0.255.0', 'ipv4 10.0.0.0/8'],
    ['host 2001:db8::7', 'ipv6 2001:db8:0:0:0:0:0:7/128'],
    [
      'net 2001:db8::/46',
      '(ipv6 2001:db8:0:0:0:0:0:0/32 and (ipv6 2001:db8:0:0:0:0:0:0/48 or ipv6 2001:db8:1:0:0:0:0:0/48 or ipv6 2001:db8:2:0:0:0:0:0/48 or ipv6 2001:db8:3:0:0:0:0:0/48))',
    ],
    [
      'net 2001:db8:0:4::/62',
      '(ipv6 2001:db8:0:0:0:0:0:0/48 and (ipv6 2001:db8:0:4:0:0:0:0/64 or ipv6 2001:db8:0:5:0:0:0:0/64 or ipv6 2001:db8:0:6:0:0:0:0/64 or ipv6 2001:db8:0:7:0:0:0:0/64))',
    ],
    ['src 10.0.0.7 and tcp dst port in {80, 443}', '(ipv4 10.0.0.7/32 and protocol 6 and (port 80 or port 443))'],
    ['host in {10.0.0.1, 10.0.1.0/24} and not port 22', '(ipv4 10.0.0.1/32 or ipv4 10.0.1.0/24)'],
    ['not (not tcp or not host 10.0.0.7)', '(protocol 6 and ipv4 10.0.0.7/32)'],
    ['not tcp', 'all'],
    ['ether host 00:11:22:33:44:55', 'mac 00:11:22:33:44:55'],
    ['ether broadcast', 'mac ff:ff:ff:ff:ff:ff'],
    ['ether multicast', 'all'],
    ['ip6', 'ethertype 0x86dd'],
    ['ether proto 0x88cc', 'ethertype 0x88cc'],
    ['icmp6', '(protocol 58 and ethertype 0x86dd)'],
    ['ip proto 47', '(protocol 47 and ethertype 0x0800)'],
    ['tcp[tcpflags] & tcp-syn != 0', 'protocol 6'],
    ['tcp[13] & 2 != 0 and host 10.0.0.7', '(protocol 6 and ipv4 10.0.0.7/32)'],
    ['icmp[icmptype] = icmp-echo', 'protocol 1'],
    ['ip[0] + tcp[0] = 5', 'ethertype 0x0800'],
    ['ether[12:2] = 0x0800', 'all'],
    ['vlan', '(ethertype 0x8100 or ethertype 0x88a8 or ethertype 0x9100)'],
    ['vlan 100 and tcp port 80', '(vlan 100 and protocol 6 and port 80)'],
    ['vlan 10,20-22', '(vlan 10 or vlan 20 or vlan 21 or vlan 22)'],
    ['vlan 100 or tcp port 80', 'all'],
    ['mpls 1024 and host 10.0.0.7', '(ethertype 0x8847 and ipv4 10.0.0.7/32)'],
    ['pppoes 7 and udp', '(ethertype 0x8864 and protocol 17)'],
    ['geneve 5 and host 10.0.0.7', '(protocol 17 and port 6081 and ipv4 10.0.0.7/32)'],
    ['less 100', 'all'],
    ['port 80 or less 100', 'all'],
    ['tcp and (tcp or host 10.0.0.7)', 'protocol 6'],
  ])('“%s” needs %s', (expression, needs) => {
    expect(printed(expression)).toBe(needs);
  });
  it.each([
    ['(vlan 5 and tcp) or port 80', { scopedEncapsulation: true }, '((vlan 5 and protocol 6) or port 80)'],
    ['(vlan 5 and tcp) or port 80', {}, 'all'],
    ['vlan 5 or port 80', { vlanTransparent: true }, '(vlan 5 or port 80)'],
    ['tcp port 80', { ipv6ExtensionHeaders: 4 }, '(protocol 6 and port 80)'],
  ] as const)('“%s” with %o needs %s', (expression, extensions, needs) => {
    expect(printed(expression, { extensions })).toBe(needs);
  });
  it('needs nothing of a term behind a tag that need not be there, and all of one whose tag must be', () => {
    expect(printed('not vlan or tcp')).toBe('all');
    expect(printed('not (not vlan 5 or not tcp)')).toBe('(vlan 5 and protocol 6)');
    expect(printed('vlan 5 and (mpls 7 or tcp)')).toBe('vlan 5');
  });
  it.each([
    ['EN10MB', '(vlan 5 or port 80)'],
    ['IEEE802_11', 'all'],
  ])('takes “vlan-transparent” as the compiler does, on %s', (linkType, needs) => {
    expect(printed('vlan 5 or port 80', { linkType, extensions: { vlanTransparent: true } })).toBe(needs);
  });
  it('has nothing for what can never match', () => {
    expect(printed('tcp and udp', { optimize: false, linkType: 'RAW' })).toBe('(protocol 6 and protocol 17)');
    expect(printed('arp', { optimize: false, linkType: 'RAW' })).toBe('none');
  });
  it('asks for shorter prefixes where a list is long, and never for more than 4,096 tokens', () => {
    const hosts = Array.from({ length: 3000 }, (_, index) => `10.${index >> 8}.${index & 255}.1`);
    expect(printed(`src host in {${hosts}}`)).toMatch(/^\(ipv4 10\.0\.0\.0\/16 or .* or ipv4 10\.11\.0\.0\/16\)$/);
    const many = Array.from({ length: 20_000 }, (_, index) => `10.${index >> 8}.${index & 255}.1`);
    expect(printed('src host in {@many}', { names: { sets: { many } } })).toMatch(/^\(ipv4 10\.0\.0\.0\/16 or /);
    const pairs = Array.from({ length: 20 }, (_, net) => `(src host 10.0.0.${net} and tcp portrange 1-${256 - net})`);
    expect(printed(`vlan 7 and (${pairs.join(' or ')})`, { optimize: false })).toBe('vlan 7');
  });
  it('takes chains of thousands of terms whose operators alternate', () => {
    const terms = Array.from({ length: 20_000 }, (_, index) => `ether proto ${2000 + index}`);
    const chain = terms
      .map((term, index) => (index === 0 ? term : ` ${index % 2 === 0 ? 'or' : 'and'} ${term}`))
      .join('');
    expect(mayMatch(prefilterOf(`(${chain}) and udp`, { optimize: false }), () => true)).toBe(true);
    expect(printed(`udp and (${chain})`, { optimize: false })).toMatch(/^\(?protocol 17/);
  });
});

describe('mayMatch', () => {
  it('asks for tokens as the prefilter joins them', () => {
    const prefilter = prefilterOf('tcp and (port 80 or host 10.0.0.7)');
    const has = (...tokens: string[]) => mayMatch(prefilter, (token) => tokens.includes(printToken(token)));
    expect(has('protocol 6', 'port 80')).toBe(true);
    expect(has('protocol 6', 'ipv4 10.0.0.7/32')).toBe(true);
    expect(has('port 80')).toBe(false);
    expect(has('protocol 6')).toBe(false);
    expect(mayMatch(prefilterOf(''), () => false)).toBe(true);
    expect(mayMatch({ kind: 'none' }, () => true)).toBe(false);
  });
});
