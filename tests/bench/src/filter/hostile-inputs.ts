/** One way to be unkind to a compiler, in any size. */
export interface HostileInput {
  readonly name: string;
  /** An expression of about `characters`, never more. */
  readonly write: (characters: number) => string;
}

const repeated =
  (unit: string, end = '') =>
  (characters: number) =>
    unit.repeat(Math.max(1, Math.floor((characters - end.length) / unit.length))) + end;

/** As many `open` as fit with their `close`, around `middle`. */
const nested = (open: string, middle: string, close: string) => (characters: number) => {
  const levels = Math.floor((characters - middle.length) / (open.length + close.length));
  return open.repeat(levels) + middle + close.repeat(levels);
};

/** Terms that are all different, joined. */
const listed =
  (term: (index: number) => string, between = ' or ', [begin, end] = ['', '']) =>
  (characters: number) => {
    const terms: string[] = [];
    let left = characters - begin.length - end.length;
    for (let index = 0; ; index++) {
      const next = term(index);
      left -= next.length + between.length;
      if (left < 0) break;
      terms.push(next);
    }
    return begin + terms.join(between) + end;
  };

/** Spread over all numbers up to `limit`, each once as long as `limit` is a power of two. */
const spread = (index: number, limit: number) => (index * 2_654_435_761 + 12_345) % limit;
const octets = (value: number) => [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff).join('.');
const address = (index: number) => octets(spread(index, 2 ** 32));
const hex = (value: number) => value.toString(16);

/** Few terms that one behind the other need a place of their own, up to the end: encapsulations, and their mixtures. */
const SHIFTS = ['vlan', 'vlan 5', 'mpls', 'mpls 5', 'pppoes', 'geneve', 'vxlan', 'pppoed'];

/** Each tries another stage: the scanner, the parser's stack, the scopes, lists, the decision graph, the emitter. */
export const hostileInputs: readonly HostileInput[] = [
  // The scanner.
  ...[
    '(',
    ')',
    '!',
    '[',
    ']',
    '{',
    '-',
    ':',
    '/',
    '.',
    '1',
    '0',
    'a',
    ' ',
    '\\',
    '$',
    '\u{0}',
    '\u{1f600}',
    '\ud800',
  ].map((unit): HostileInput => ({ name: `nothing but ${JSON.stringify(unit)}`, write: repeated(unit) })),
  { name: 'a name that never ends', write: (characters) => `host ${repeated('a')(characters - 5)}` },
  { name: 'a name of dashes', write: repeated('a-') },
  { name: 'a name of dots', write: (characters) => `host ${repeated('a.')(characters - 5)}` },
  { name: 'a number that never ends', write: (characters) => `port ${repeated('9')(characters - 5)}` },
  { name: 'a hexadecimal number that never ends', write: (characters) => `port 0x${repeated('f')(characters - 7)}` },
  { name: 'an address with many colons', write: (characters) => `host ${repeated('1:')(characters - 5)}` },
  { name: 'colons between terms', write: repeated('1:2 ', ':') },
  { name: 'an escape that never ends', write: repeated('\\') },
  // The parser.
  { name: 'parentheses around a term', write: nested('(', 'ip', ')') },
  { name: 'parentheses around a value', write: nested('(', '80', ')') },
  { name: 'parentheses behind a head', write: (characters) => `port ${nested('(', '80', ')')(characters - 5)}` },
  { name: 'vlan and parentheses', write: (characters) => `vlan ${nested('(', '80', ')')(characters - 5)}` },
  { name: 'parentheses without a term', write: repeated('()') },
  { name: 'groups that open and never close', write: repeated('(ip or ') },
  { name: 'values that open and never close', write: repeated('port (80 or ') },
  { name: 'not and not', write: repeated('not ', 'ip') },
  { name: 'exclamation marks and a term', write: repeated('!', 'ip') },
  { name: 'not behind and', write: repeated('port 1 and not ', 'port 1') },
  { name: 'not in front of values', write: (characters) => `port ${repeated('not ', '80')(characters - 5)}` },
  { name: 'minus and minus', write: repeated('-', '1 = 1') },
  { name: 'minus and minus between spaces', write: repeated('- ', '1 = 1') },
  { name: 'accessors in accessors', write: nested('ether[', '0', ']') },
  { name: 'accessors that never close', write: repeated('ether[') },
  { name: 'accessors in accessors, compared', write: (n) => `${nested('ip[', '0', ']')(n - 4)} = 1` },
  { name: 'parentheses around a number', write: (n) => `${nested('(', '1', ')')(n - 4)} = 1` },
  { name: 'groups of numbers one behind the other', write: repeated('(((80))) or ', '80') },
  { name: 'port with groups one behind the other', write: repeated('port (80) or ', 'ip') },
  { name: 'nested groups one behind the other', write: repeated(`${'('.repeat(400)}ip${')'.repeat(400)} or `, 'ip') },
  {
    name: 'nested values one behind the other',
    write: repeated(`port ${'('.repeat(400)}80${')'.repeat(400)} or `, 'ip'),
  },
  {
    name: 'nested calculations one behind the other',
    write: repeated(`${'('.repeat(400)}1${')'.repeat(400)} = len or `, 'ip'),
  },
  { name: 'many nots in front of many numbers', write: repeated(`port 1 or ${'not '.repeat(400)}5 and `, 'ip') },
  // Calculations.
  ...['+', '-', '*', '/', '|', '&', '^', '%', '<<', '>>'].map(
    (operator): HostileInput => ({ name: `1 ${operator} 1 ${operator} …`, write: repeated(`1${operator}`, '1 = 1') }),
  ),
  ...['+', '-', '*', '/', '|', '&', '^', '%', '<<', '>>'].map(
    (operator): HostileInput => ({
      name: `len ${operator} len ${operator} …`,
      write: repeated(`len${operator}`, 'len = 1'),
    }),
  ),
  ...['+', '-', '*', '^'].map(
    (operator): HostileInput => ({
      name: `ip[0] ${operator} ip[0] …`,
      write: repeated(`ip[0]${operator}`, 'ip[0] = 1'),
    }),
  ),
  { name: 'a sum of different bytes', write: listed((index) => `ether[${index}]`, '+', ['', ' = 1']) },
  { name: 'comparisons of different bytes', write: listed((index) => `ether[${index}] = ${index & 255}`) },
  {
    name: 'comparisons of different bytes, and',
    write: listed((index) => `ether[${index}] = ${index & 255}`, ' and '),
  },
  { name: 'comparisons of two bytes', write: listed((index) => `ether[${index}] > ether[${index + 1}]`) },
  { name: 'comparisons of one byte with another', write: listed((index) => `ether[0] > ether[${index + 1}]`, ' and ') },
  { name: 'calculated offsets', write: listed((index) => `ether[ether[${index}]] = 1`) },
  { name: 'one byte, many masks', write: listed((index) => `ether[0:4] & ${index + 1} = ${index + 1}`) },
  { name: 'one byte, many masks, and', write: listed((index) => `ether[0:4] & ${index + 1} != ${index + 1}`, ' and ') },
  { name: 'one byte, many values', write: listed((index) => `ether[0:4] != ${spread(index, 2 ** 32)}`, ' and ') },
  { name: 'lengths', write: listed((index) => `len != ${index}`, ' and ') },
  { name: 'less and greater', write: listed((index) => `(less ${2 * index} or greater ${2 * index + 1})`, ' and ') },
  // Lists.
  { name: 'hosts', write: listed((index) => `host ${address(index)}`) },
  { name: 'hosts, and', write: listed((index) => `not host ${address(index)}`, ' and ') },
  { name: 'bare hosts', write: (n) => `host ${listed(address)(n - 5)}` },
  { name: 'source hosts', write: listed((index) => `ip src host ${address(index)}`) },
  { name: 'hosts and ports', write: listed((index) => `(host ${address(index)} and port ${spread(index, 65_536)})`) },
  {
    name: 'hosts and ports, alternating',
    write: listed((index) => (index % 2 ? `host ${address(index)}` : `port ${spread(index, 65_536)}`)),
  },
  {
    name: 'hosts and ports, and or in turn',
    write: listed((index) => `host ${address(index)} and port ${spread(index, 65_536)}`),
  },
  { name: 'networks', write: listed((index) => `net ${octets((spread(index, 2 ** 32) & -256) >>> 0)}/24`) },
  {
    name: 'networks under masks with holes',
    write: listed((index) => `net ${octets(spread(index, 256) * 65_536)} mask 0.255.0.0`),
  },
  {
    name: 'masks with holes, all different',
    write: listed((index) => `net 0.0.0.0 mask ${octets(spread(index, 2 ** 32))}`),
  },
  {
    name: 'IPv6 hosts',
    write: listed((index) => `host 2001:db8::${hex(spread(index, 65_536))}:${hex(index & 65_535)}`),
  },
  { name: 'IPv6 networks', write: listed((index) => `net ${hex(spread(index, 65_536))}:${hex(index & 65_535)}::/32`) },
  {
    name: 'IPv4 and IPv6 hosts',
    write: listed((index) => `host ${index % 2 ? address(index) : `::${hex(index & 65_535)}`}`),
  },
  {
    name: 'MAC addresses',
    write: listed((index) => `ether host 0:1:2:3:${hex((index >> 8) & 255)}:${hex(index & 255)}`),
  },
  { name: 'ports', write: listed((index) => `port ${spread(index, 65_536)}`) },
  { name: 'bare ports', write: (n) => `port ${listed((index) => String(spread(index, 65_536)))(n - 5)}` },
  {
    name: 'ports of TCP and UDP',
    write: listed((index) => `${index % 2 ? 'tcp' : 'udp'} port ${spread(index, 65_536)}`),
  },
  { name: 'port ranges', write: listed((index) => `portrange ${(index * 5) % 65_000}-${((index * 5) % 65_000) + 3}`) },
  { name: 'port set', write: listed((index) => String(spread(index, 65_536)), ',', ['port in {', '}']) },
  { name: 'port sets', write: repeated('port in {80,443,8000-8080} or ', 'ip') },
  { name: 'port set that never ends', write: listed((index) => String(index & 65_535), ',', ['port in {', '']) },
  { name: 'host set', write: listed(address, ',', ['host in {', '}']) },
  { name: 'host sets', write: listed((index) => `host in {${address(index)},${address(index + 1)}}`) },
  { name: 'an empty set', write: repeated('port in {} or ', 'ip') },
  { name: 'protocols', write: listed((index) => `not proto ${index & 255}`, ' and ') },
  { name: 'Ethernet protocols', write: listed((index) => `ether proto ${spread(index, 65_536)}`) },
  { name: 'protocol chains', write: listed((index) => `ip6 protochain ${index & 255}`) },
  { name: 'VLAN list', write: listed((index) => `${index & 4095}`, ',', ['vlan ', '']) },
  { name: 'directions', write: repeated('src or dst port 80 and src and dst port 81 or ', 'ip') },
  // What moves everything to its right.
  ...SHIFTS.flatMap((shift): HostileInput[] => [
    { name: `${shift} and ${shift} and …`, write: repeated(`${shift} and `, shift) },
    { name: `${shift} or ${shift} or …`, write: repeated(`${shift} or `, shift) },
    { name: `${shift} and tcp port 80 or …`, write: repeated(`${shift} and tcp port 80 or `, 'ip') },
    { name: `${shift} and hosts or …`, write: listed((index) => `${shift} and host ${address(index)}`) },
  ]),
  { name: 'all that moves in turn, and', write: listed((index) => SHIFTS[index % SHIFTS.length] ?? 'vlan', ' and ') },
  { name: 'all that moves in turn, or', write: listed((index) => SHIFTS[index % SHIFTS.length] ?? 'vlan') },
  { name: 'geneve and protochain', write: repeated('geneve and ip6 protochain 6 or ', 'ip') },
  // The decision graph.
  { name: 'one term again and again', write: repeated('ip or ', 'ip') },
  { name: 'a contradiction again and again', write: repeated('tcp and udp or ', 'ip') },
  { name: 'and and or in turn', write: repeated('port 1 or port 2 and ', 'ip') },
  {
    name: 'different terms, and and or in turn',
    write: listed(
      (index) =>
        `${index % 3 ? 'src' : 'dst'} port ${index & 65_535} ${index % 2 ? 'or' : 'and'} host ${address(index)}`,
      ' and ',
    ),
  },
  {
    name: 'groups of and',
    write: listed((index) => `(tcp port ${index & 65_535} or udp port ${(index + 1) & 65_535})`, ' and '),
  },
  {
    name: 'bytes and bytes, or',
    write: listed(
      (index) => `(ether[${index % 97}] = ${index & 255} and ether[${index % 89}] = ${(index >> 3) & 255})`,
    ),
  },
  {
    name: 'bytes or bytes, and',
    write: listed(
      (index) => `(ether[${index % 97}] = ${index & 255} or ether[${index % 89}] = ${(index >> 3) & 255})`,
      ' and ',
    ),
  },
  {
    name: 'negated groups',
    write: listed((index) => `not (ether[${index % 97}] = ${index & 255} and not ip[${index % 20}] = 1)`),
  },
  {
    name: 'flags',
    write: listed((index) => `tcp[13] & ${1 << (index % 8)} != 0 and tcp[${index % 60}] = ${index & 255}`),
  },
];
