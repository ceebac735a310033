import type { Random } from '../random.js';

/** What libpcap has not, and networks between two indexed prefixes. */
const EXTENSIONS = [
  'host in {10.0.0.1, 10.1.0.0/16, 2001:db8::1}',
  'src net in {10.0.0.0/15, 192.168.0.0/23, 224.0.0.0/6}',
  'port in {80, 443, 8000-8080}',
  'ether host in {00:11:22:aa:bb:cc, 02:00:00:00:00:01}',
  'vlan 1,10-100',
  'vxlan and ip',
  'geneve and vlan 10,100 and host 10.0.0.1',
  'net 10.0.0.0/30',
  'net 8.0.0.0/5',
  'net fe80::/10',
  'net 2001:d00::/24',
  'net 2001:db8::/46',
] as const;

/** The expression with such a term beside it. */
export function withExtension(text: string, random: Random): string {
  const term = random.of(EXTENSIONS);
  if (text === '') return term;
  const operator = random.of(['and', 'or']);
  return random.chance(50) ? `${term} ${operator} (${text})` : `(${text}) ${operator} ${term}`;
}
