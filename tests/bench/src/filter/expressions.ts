import type { Random } from '@bpfleet/test-environment/live-traffic';

/** Terms as people write them, for every protocol layer. */
const TERMS = [
  ...['ip', 'ip6', 'arp', 'tcp', 'udp', 'icmp', 'icmp6', 'sctp', 'igmp', 'esp', 'stp'],
  ...['host 10.0.0.7', 'src host 10.0.0.7', 'dst host 192.168.1.1', 'ip host 10.0.0.7', 'host 2001:db8::7'],
  ...[
    'net 10.0.0.0/8',
    'src net 192.168.0.0/16',
    'dst net 172.16.0.0/12',
    'net 2001:db8::/32',
    'ip src net 10.1.2.0/24',
  ],
  ...['port 80', 'tcp port 443', 'udp port 53', 'src port 22', 'tcp dst port 8080', 'portrange 8000-8080'],
  ...[
    'tcp portrange 1024-65535',
    'port 80 or 443',
    'tcp port (22 or 80 or 443)',
    'host 10.0.0.1 or 10.0.0.2 or 10.0.0.3',
  ],
  ...[
    'ether host 00:11:22:33:44:55',
    'ether src 00:11:22:33:44:55',
    'ether broadcast',
    'ether multicast',
    'ip multicast',
  ],
  ...['ip proto 47', 'proto 89', 'ether proto 0x88cc', 'less 128', 'greater 1000', 'len > 576'],
  ...['tcp[tcpflags] & tcp-syn != 0', 'tcp[tcpflags] & (tcp-syn|tcp-fin) = tcp-syn', 'icmp[icmptype] = icmp-echo'],
  ...['ip[6:2] & 0x1fff != 0', 'ip[8] < 5', 'udp[4:2] > 512', 'ip[2:2] - ((ip[0] & 0xf) << 2) > 100'],
  ...['tcp[((tcp[12] & 0xf0) >> 2):4] = 0x47455420', 'ip6[6] = 58', 'vlan', 'vlan 100', 'mpls', 'pppoes'],
] as const;

/** Ways to join two terms. What moves everything to its right stands first, as people write it. */
const JOINS = [
  (a: string, b: string) => `(${a}) and (${b})`,
  (a: string, b: string) => `(${a}) or (${b})`,
  (a: string, b: string) => `(${a}) and not (${b})`,
] as const;

const moves = (term: string) => /^(vlan|mpls|pppoes)/.test(term);

/** A list that never changes: every term, and pairs of terms of which neither is near the other in the list. */
export function fixedExpressions(): readonly string[] {
  const expressions: string[] = [...TERMS, ...TERMS.map((term) => `not (${term})`)];
  for (const [index, first] of TERMS.entries()) {
    for (const step of [3, 7, 12, 18, 25, 31]) {
      const second = TERMS[(index + step) % TERMS.length] ?? 'ip';
      const [a, b] = moves(second) && !moves(first) ? [second, first] : [first, second];
      if (moves(a) && moves(b)) continue;
      for (const join of JOINS) expressions.push(join(a, b));
    }
  }
  return expressions;
}

/** Two to five terms, joined at random; some of them move what stands to their right. */
export function randomExpressions(random: Random, count: number): readonly string[] {
  const of = <Item>(items: readonly Item[]) => items[Math.floor(random() * items.length)] as Item;
  return Array.from({ length: count }, () => {
    const terms = Array.from({ length: 1 + Math.floor(random() * 4) }, () => of(TERMS));
    return terms.reduce((left, right) => of(JOINS)(left, right), of(TERMS) as string);
  });
}
