import type { Random } from './random.js';

const IPV4 = ['10.0.0.1', '10.0.0.2', '192.168.1.7', '224.0.0.5', '255.255.255.255', '10.1', '172.16.5', '0.0.0.0'];
const IPV6 = ['2001:db8::1', 'fe80::1', '::', 'ff02::1', '::ffff:10.0.0.1', '2001:db8:1:2:3:4:5:6'];
const NETS = [
  '10.0.0.0/8',
  '10.0.0.0/9',
  '192.168.1.0/24',
  '10.0.0.1/32',
  '0.0.0.0/0',
  '10',
  '172.16',
  '192.168.1',
  '10.0.0.0 mask 255.0.0.0',
  '10.0.0.1 mask 255.0.0.255',
  '2001:db8::/32',
  'fe80::/10',
  '2001:db8::/33',
  '::/0',
  '2001:db8::1/128',
  '10/8'.replace('/8', '.0/8'),
  '300',
  '0',
];
const MACS = ['00:11:22:aa:bb:cc', 'ff:ff:ff:ff:ff:ff', '00-11-22-aa-bb-cc', '0011.22aa.bbcc'];
const PORTS = ['80', '443', '53', '0', '65535', '0x50', '022', 'ssh', 'domain', 'https', 'ntp'];
const RANGES = ['80-90', '90-80', '1000-65535', '0-65535', '443-443', '53', 'ssh-https', '79-81'];
const PROTOCOLS = [
  'ip',
  'ip6',
  'arp',
  'rarp',
  'tcp',
  'udp',
  'icmp',
  'icmp6',
  'sctp',
  'igmp',
  'esp',
  'ah',
  'pim',
  'vrrp',
];
const PROTO_NUMBERS = ['6', '17', '1', '44', '58', '132', '0', '\\tcp', '\\udp', '89', '300'];
const DIRECTIONS = ['', '', '', 'src ', 'dst ', 'src or dst ', 'dst or src ', 'src and dst ', 'dst and src '];

/** A random expression of the grammar that `@bpfleet/pcap-filter` covers; nearly all of them are valid. */
export function randomExpression(random: Random): string {
  return random.chance(1) ? '' : expression(random, 3);
}

function expression(random: Random, depth: number): string {
  const terms = random.of([1, 1, 2, 2, 3, 4]);
  let text = term(random, depth);
  for (let index = 1; index < terms; index++)
    text += ` ${random.of(['and', 'or', 'or', '&&', '||'])} ${term(random, depth)}`;
  return text;
}

function term(random: Random, depth: number): string {
  const kind = random.below(10);
  if (kind === 0 && depth > 0) return `${random.of(['not ', '! ', '!'])}${term(random, depth - 1)}`;
  if (kind === 1 && depth > 0) return `(${expression(random, depth - 1)})`;
  if (kind === 2) return random.of(PROTOCOLS);
  const [head, values] = primitive(random);
  return `${head} ${valueList(random, values)}`;
}

/** One value, or several that take over the qualifiers, with or without parentheses. */
function valueList(random: Random, values: readonly string[]): string {
  const count = random.of([1, 1, 1, 1, 2, 3]);
  const list = [random.of(values)];
  for (let index = 1; index < count; index++) list.push(random.of(['or', 'or', 'and', 'or not']), random.of(values));
  const text = list.join(' ');
  return random.chance(40) && count > 1 ? `(${text})` : text;
}

type Choice = readonly [head: string, values: readonly string[]];

function primitive(random: Random): Choice {
  const direction = random.of(DIRECTIONS);
  switch (random.below(9)) {
    case 0:
      return [`${random.of(['', '', 'ip ', 'arp ', 'rarp '])}${direction}host`, IPV4];
    case 1:
      return [`${random.of(['', 'ip6 '])}${direction}host`, IPV6];
    case 2:
      return [`${direction}net`, NETS];
    case 3:
      return [`ether ${direction}host`, MACS];
    case 4:
    case 5:
      return [
        `${random.of(['', 'tcp ', 'udp ', 'sctp '])}${direction}port`,
        PORTS.filter((port) => /^[\dx]+$/.test(port)),
      ];
    case 6:
      return [`${direction}port`, PORTS];
    case 7:
      return [`${random.of(['', '', 'tcp '])}${direction}portrange`, RANGES.filter((range) => /^[-\d]+$/.test(range))];
    default:
      return [`${random.of(['', 'ip ', 'ip6 '])}proto`, PROTO_NUMBERS];
  }
}

const SOUP = [
  ...PROTOCOLS,
  'and',
  'or',
  'not',
  '!',
  '(',
  ')',
  '(',
  ')',
  'src',
  'dst',
  'host',
  'net',
  'port',
  'portrange',
  'proto',
  'ether',
  '10.0.0.1',
  '10.0.0.0/8',
  '80',
  '443',
  '80-90',
  '2001:db8::1',
  'fe80::/10',
  '00:11:22:aa:bb:cc',
  'ssh',
  'src or dst',
  'host 10.0.0.1',
  'port 80',
  'tcp port',
  'or 443',
  'mask',
  '/',
  'less 100',
  'greater 60',
  '\\tcp',
];

/** Words of the language in any order, or an expression with a word lost, doubled or replaced. */
export function randomSentence(random: Random): string {
  if (random.chance(40)) return Array.from({ length: 1 + random.below(9) }, () => random.of(SOUP)).join(' ');
  const words = randomExpression(random).replace(/[()!]/g, ' $& ').trim().split(/\s+/);
  const at = random.below(words.length);
  words.splice(at, random.below(2), ...random.of([[], [words[at] ?? ''], [random.of(SOUP)]]));
  return words.join(' ');
}
