import { describe, expect, it } from 'vitest';
import type { CompileOptions } from '../compile.js';
import { explainExpression, renderExplanation } from './explain-expression.js';
import { type TrapId, trapIds } from './trap.js';

const idsOf = (expression: string, options: CompileOptions = {}) =>
  explainExpression(expression, options).traps.map(({ id }) => id);

/** Of each trap an expression that falls into it, and one near to it that does not. */
const CASES: readonly (readonly [TrapId, string, string, CompileOptions?])[] = [
  ['PRECEDENCE_MIXED', 'udp or tcp and port 80', 'udp or (tcp and port 80)'],
  ['NOT_BINDS_ONE', 'not host 10.0.0.1 and 10.0.0.2', 'not (host 10.0.0.1 and 10.0.0.2)'],
  ['LIST_TAKES_OVER', 'dst port 80 or 443', 'dst port 80 or port 443'],
  ['SRC_AND_DST', 'src and dst port 53', 'src port 53 and dst port 53'],
  ['PORT_FIRST_FRAGMENT', 'port 80', 'tcp'],
  ['IPV6_EXTENSION_HEADERS', 'tcp', 'ip proto 6'],
  ['VLAN_TAGS_HIDE', 'tcp', 'vlan and tcp'],
  ['ENCAPSULATION_LEAKS', 'vlan 5 or tcp', 'tcp or vlan 5'],
  ['VLAN_OR_VLAN', 'vlan 5 or vlan 6', 'vlan 5,6'],
  ['MPLS_OR_MPLS', 'mpls 5 or mpls 6', 'mpls 5 and mpls 6'],
  ['HOST_INCLUDES_ARP', 'host 10.0.0.1', 'ip host 10.0.0.1'],
  ['NET_OF_NUMBER', 'net 10', 'net 10.0.0.0/8'],
  ['HOST_OF_NETWORK', 'host 192.168.1', 'net 192.168.1'],
  ['HOST_OF_NETWORK', 'src 10.5', 'decnet host 10.5'],
  ['HOST_OF_NUMBER', 'host 10', 'host 0x0a000001'],
  ['HOST_OF_NUMBER', 'dst host 10.0.0.1 or 7', 'decnet host 10'],
  ['NET_OF_ADDRESS', 'net 10.0.0.0', 'net 10.0.0.0/32'],
  ['NET_OF_ADDRESS', 'src net 10.1.0.0', 'net 10.0.0.1'],
  ['NET_OF_ADDRESS', 'net 2001:db8::', 'net 2001:db8::1'],
  ['NET_OF_ADDRESS', 'net in {10.0.0.0}', 'net 10.0.0.0 mask 255.0.0.0'],
  ['LENGTH_INCLUSIVE', 'less 100', 'len < 100'],
  ['LENGTH_OF_OFFLOADS', 'greater 100', 'ip', { live: true }],
  ['PORTRANGE_TURNED', 'portrange 90-80', 'portrange 80-90'],
  ['PORTRANGE_TURNED', 'portrange https-http', 'portrange http-https'],
  ['PORTRANGE_TURNED', 'port in {80, 90-85}', 'port in {80, 8000-8080}'],
  ['PORTRANGE_TURNED', 'port 1 or portrange 90-http', 'portrange http-90'],
  ['SERVICE_OF_ONE_PROTOCOL', 'port ssh', 'port 22'],
  ['SERVICE_OF_ONE_PROTOCOL', 'port ntp', 'udp port ntp'],
  ['SERVICE_OF_ONE_PROTOCOL', 'port bgp', 'tcp port 0x50'],
  [
    'SERVICE_OF_ONE_PROTOCOL',
    'port ipp',
    'tcp port http',
    { names: { services: { ipp: { port: 631, protocols: ['tcp'] } } } },
  ],
  ['SERVICE_OF_ONE_PROTOCOL', 'src port 80 or http', 'port https or domain'],
  ['SERVICE_OF_ONE_PROTOCOL', 'port in {80, ntp}', 'port in {80, domain}'],
  ['SERVICE_OF_ONE_PROTOCOL', 'portrange ssh-telnet', 'tcp portrange ssh-telnet'],
  ['ICMP_IS_IPV4', 'icmp', 'icmp6'],
  ['BYTES_OF_IPV4_ONLY', 'tcp[13] = 2', 'ip[9] = 2'],
  ['BYTES_OF_FIRST_HEADER', 'icmp6[icmp6type] = icmp6-echo', 'icmp[icmptype] = icmp-echo'],
  ['HEADER_LENGTH_UNMASKED', 'tcp[tcp[12] >> 2] = 1', 'tcp[(tcp[12] & 0xf0) >> 2] = 1'],
  ['GUARD_FORGOTTEN', '1 + tcp[0] = 5', 'tcp[0] + 1 = 5'],
  ['NEGATIVE_IS_LARGE', 'ip[0] > -1 or ip', 'ip[0] > 1'],
  ['OPERATOR_READS_ON', 'len % 7 - len = 9', '(len % 7) - len = 9'],
  ['OCTAL_NUMBER', 'port 0120', 'port 120'],
  ['TWELVE_DIGITS', 'ether host 001122334455', 'ether host 00:11:22:33:44:55'],
  ['LLC_NUMBER', 'ether proto 0x42', 'ether proto 0x88cc'],
  ['MULTICAST_HAS_BROADCAST', 'ether multicast', 'ether broadcast'],
  ['ALWAYS_MATCHES', 'ip or not ip', 'ip or not ip6'],
  ['PART_NEVER_MATCHES', 'arp or (tcp and ip proto 17)', 'arp or (tcp and ip6 proto 6)'],
  ['BROADCAST_OF_NETMASK', 'ip broadcast', 'ip multicast', { netmask: '255.255.255.0' }],
];

describe('traps', () => {
  for (const [id, trapped, free, options] of CASES) {
    it(`${id}: in “${trapped}”, not in “${free}”`, () => {
      expect(idsOf(trapped, options)).toContain(id);
      expect(idsOf(free, options)).not.toContain(id);
    });
  }

  it.each<[TrapId, string]>([
    ['BYTES_OF_IPV4_ONLY', 'tcp[13] = 2'],
    ['BYTES_OF_FIRST_HEADER', 'icmp6[0] = 128'],
  ])('%s is none where extension headers are walked: “%s”', (id, expression) => {
    expect(idsOf(expression, { extensions: { ipv6ExtensionHeaders: 2 } })).not.toContain(id);
  });

  it.each([
    ['net 10.0.0.0', 'net 10.0.0.0/8'],
    ['net 10.16.0.0', 'net 10.16.0.0/16'],
    ['net 0.0.0.0', 'net 0.0.0.0/0'],
    ['net 2001:db8::', 'net 2001:db8::/32'],
    ['host 10', 'net 10'],
    ['portrange https-http', 'portrange http-https'],
    ['port ntp', 'port 123, over whatever has ports'],
  ])('of “%s” is tried “%s”', (expression, hint) => {
    expect(explainExpression(expression).traps.map((trap) => trap.hint)).toContain(hint);
  });

  it('have a case each', () => {
    expect(new Set(CASES.map(([id]) => id))).toEqual(new Set(trapIds));
  });
});

describe('an explanation', () => {
  it('says what matches, where, at what cost, and what surprises', () => {
    const text = renderExplanation(explainExpression('udp or not arp and (tcp dst port 80 or 443)'));
    expect(text).toContain('matches, on EN10MB:\n  the packet all of these hold:\n');
    expect(text).toContain('has destination port one of 80, 443, over TCP');
    expect(text).toMatch(
      /link types: EN10MB, LINUX_SLL, .*IEEE802_11_RADIO\ncost: \d+ instructions, \d+ once converted/,
    );
    expect(text).toMatch(/“and” and “or” bind alike.*\[PRECEDENCE_MIXED\]\n +try: /);
  });

  it('names only the link types on which it can match', () => {
    expect(explainExpression('arp').linkTypes).not.toContain('RAW');
    expect(explainExpression('type mgt', { linkType: 'IEEE802_11' }).linkTypes).toEqual([
      'IEEE802_11',
      'IEEE802_11_RADIO',
    ]);
  });

  it('counts the longest way', () => {
    const { cost } = explainExpression('ip');
    expect(cost).toMatchObject({ instructions: 4, worstInstructions: 3, worstLoads: 1 });
  });

  it('explains what can never match, and says so', () => {
    const explanation = explainExpression('ip and arp');
    expect(explanation.matches).toHaveLength(3);
    expect(renderExplanation(explanation)).toContain('the expression never matches');
    expect(renderExplanation(explainExpression('ip or arp'))).not.toContain('never');
  });
});
