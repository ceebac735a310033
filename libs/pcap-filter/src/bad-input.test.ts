import { MAX_INSTRUCTIONS } from '@bpfleet/bpf';
import { BpfleetError } from '@bpfleet/errors';
import { describe, expect, it } from 'vitest';
import { type CompileOptions, compile, compileOfAnyLength } from './compile.js';
import { compileEbpf } from './compile-ebpf.js';
import { compileWithSets } from './compile-with-sets.js';

function refusalOf(
  expression: string,
  options: CompileOptions = {},
  call: typeof compile | typeof compileEbpf = compile,
) {
  try {
    call(expression, options);
  } catch (error) {
    if (error instanceof BpfleetError) return error;
    throw error;
  }
  throw new Error(`“${expression.slice(0, 60)}” compiled`);
}

/** What is refused, its code, the part it points at, and what is said. */
type Row = readonly [
  name: string,
  expression: string,
  code: string,
  at: string,
  message: RegExp,
  hint: RegExp | undefined,
  options?: CompileOptions,
];

const hosts = (count: number) => Array.from({ length: count }, (_, index) => `10.${index >> 8}.${index & 255}.1`);
/** Every second address: neighbours would be one range. */
const sparse = (count: number) =>
  Array.from({ length: count }, (_, index) => `10.${index >> 7}.${(index & 127) * 2}.1`);
const pairs = (count: number) =>
  Array.from({ length: count }, (_, index) => `(host 10.${index >> 8}.${index & 255}.1 and port ${index})`).join(
    ' or ',
  );

const WORDS: readonly Row[] = [
  ['a misspelt type', 'tcp prt 80', 'FILTER_SYNTAX', 'prt', /expected “and”, “or” or the end/, /“port”, if that is/],
  ['a misspelt first word', 'hots 10.0.0.1', 'FILTER_SYNTAX', 'hots', /needs a word in front/, /“host”, if that is/],
  ['a misspelt “and”', 'tcp adn udp', 'FILTER_SYNTAX', 'adn', /expected “and”/, /“and”, if that is meant/],
  ['capitals', 'TCP', 'FILTER_SYNTAX', 'TCP', /needs a word in front/, /“tcp”, if that is meant/],
  ['a name alone', 'db1', 'FILTER_SYNTAX', 'db1', /needs a word in front/, /host db1/],
  ['a number alone', 'tcp and 80', 'FILTER_SYNTAX', '80', /needs a word in front/, /port 80/],
  ['no value', 'tcp port', 'FILTER_SYNTAX', '', /after “port”, but the expression ends/, /port 443/],
  ['a word as a name', 'host src', 'FILTER_SYNTAX', 'src', /value after “host”/, /write \\src/],
  ['an open parenthesis', '(tcp or udp', 'FILTER_SYNTAX', '', /expected “\)”/, /close the parenthesis/],
  ['a port without its type', 'tcp 80', 'FILTER_SYNTAX', '80', /expected “and”/, /^tcp port 80$/],
  [
    'a service without its type',
    'ip and (udp syslog)',
    'FILTER_SYNTAX',
    'syslog',
    /expected “\)”/,
    /^udp port syslog$/,
  ],
  ['an address without its type', 'arp 10.0.0.7', 'FILTER_SYNTAX', '10.0.0.7', /“and”/, /^arp host 10\.0\.0\.7$/],
  ['the address of TCP', 'tcp 10.0.0.7', 'FILTER_SYNTAX', '10.0.0.7', /“and”/, /^tcp and host 10\.0\.0\.7$/],
  ['a parenthesis too much', 'tcp)', 'FILTER_SYNTAX', ')', /closes nothing/, /remove it/],
  ['a strange character', 'tcp ; udp', 'FILTER_SYNTAX', ';', /not a character of the filter language/, /tcpdump/],
  ['half a surrogate pair', 'tcp \ud800', 'FILTER_SYNTAX', '\ud800', /not a character/, /tcpdump/],
];

const NAMES: readonly Row[] = [
  ['a host', 'host nosuch', 'FILTER_SYNTAX', 'nosuch', /unknown host “nosuch”/, /address|hosts table/],
  ['a network', 'net nosuch', 'FILTER_SYNTAX', 'nosuch', /unknown network “nosuch”/, /./],
  ['a port', 'tcp port nosuch', 'FILTER_SYNTAX', 'nosuch', /unknown port “nosuch”/, /number/],
  ['a protocol', 'ip proto nosuch', 'FILTER_SYNTAX', 'nosuch', /unknown protocol “nosuch”/, /number/],
  [
    'an EtherType',
    'ether proto foo',
    'FILTER_SYNTAX',
    'foo',
    /“foo”/,
    /as ether proto 0x88cc, or one of: .*\\ip .*lldp/,
  ],
  ['an OSI protocol', 'iso proto foo', 'FILTER_SYNTAX', 'foo', /“foo”/, /iso proto 0x83, or one of: .*\\clnp .*\\isis/],
  ['an IS-IS PDU', 'isis proto foo', 'FILTER_SYNTAX', 'foo', /unknown protocol “foo”/, /isis proto 15/],
  ['a protocol of IPv6', 'ip6 protochain foo', 'FILTER_SYNTAX', 'foo', /“foo”/, /ip6 protochain 89/],
  ['a MAC address', 'ether host nosuch', 'FILTER_SYNTAX', 'nosuch', /“nosuch”/, /./],
  ['a list', 'host in {@nosuch}', 'FILTER_SYNTAX', '@nosuch', /“nosuch”|@nosuch/, /./],
];

const NUMBERS: readonly Row[] = [
  ['a port above 65535', 'port 65536', 'FILTER_SYNTAX', '65536', /65536|65535/, undefined],
  ['a VLAN above 4095', 'vlan 4096', 'FILTER_SYNTAX', 'vlan 4096', /largest is 4095/, undefined],
  ['more than 32 bits', 'len > 4294967296', 'FILTER_SYNTAX', '4294967296', /does not fit into 32 bits/, undefined],
  ['octal digits', 'port 08', 'FILTER_SYNTAX', '08', /octal/, /leading 0/],
  ['a division by zero', 'len / 0 = 1', 'FILTER_SYNTAX', '0', /division by zero/, undefined],
  ['three bytes', 'ip[0:3] = 1', 'FILTER_SYNTAX', '3', /one, two or four bytes/, /ip\[2:2\]/],
  ['more than a byte', 'byte 0 = 300', 'NEVER_MATCHES', 'byte 0 = 300', /no packet/, /one byte is at most 255/],
  ['contradictions', 'tcp and udp and arp', 'NEVER_MATCHES', 'tcp and udp and arp', /no packet/, /join them by “or”/],
  ['a precedence', 'ip or arp and ip6', 'NEVER_MATCHES', 'ip or arp and ip6', /no packet/, /set parentheses/],
  ['an address', 'host 10.0.0.256', 'FILTER_SYNTAX', '10.0.0.256', /not an IPv4 address/, /at most 255/],
  [
    'a zone',
    'ip6 host fe80::1%eth0 and tcp',
    'FILTER_SYNTAX',
    '%eth0',
    /in a filter has no zone/,
    /^leave out “%eth0”$/,
  ],
  ['a zone of a name', 'host fe80::1%br-lan', 'FILTER_SYNTAX', '%br-lan', /no zone/, /leave out “%br-lan”/],
  ['a zone in a set', 'host in {::1, fe80::%1/64}', 'FILTER_SYNTAX', '%1', /no zone/, /leave out “%1”/],
  ['a zone in parentheses', '(host fe80::1%)', 'FILTER_SYNTAX', '%', /no zone/, /leave out “%”/],
  ['a zone without a name', 'host fe80::1% and tcp', 'FILTER_SYNTAX', '%', /no zone/, /leave out “%”/],
  ['host bits', 'net 10.0.0.1/8', 'FILTER_SYNTAX', '10.0.0.1/8', /bits set outside/, /net 10\.0\.0\.0\/8/],
];

const UNSUPPORTED: readonly Row[] = [
  ['ATM', 'tcp or vpi 3', 'FILTER_UNSUPPORTED', 'vpi', /ATM/, undefined],
  ['a direction in a file', 'inbound', 'FILTER_UNSUPPORTED', 'inbound', /live capture only/, /live form/],
  ['frame types on Ethernet', 'type mgt', 'FILTER_UNSUPPORTED', 'type mgt', /802\.11/, undefined],
  [
    'MAC addresses on raw IP',
    'tcp and broadcast',
    ...(['FILTER_UNSUPPORTED', 'broadcast', /MAC addresses exist on/, undefined, { linkType: 'RAW' }] as const),
  ],
  ['tags on PPP', 'vlan', 'FILTER_UNSUPPORTED', 'vlan', /no VLAN tags on PPP/, undefined, { linkType: 'PPP' }],
];

const SIZES: readonly Row[] = [
  ['too deep', `${'('.repeat(501)}ip`, 'FILTER_TOO_LARGE', 'ip', /more than 500 levels/, /parentheses/],
  [
    'a long calculation',
    `${'len+'.repeat(600)}1=1`,
    'FILTER_TOO_LARGE',
    `${'len+'.repeat(600)}1`,
    /1201 words/,
    /split/,
  ],
  [
    'too many terms',
    `arp and (${pairs(6000)})`,
    'FILTER_TOO_LARGE',
    /^\d+$/.source,
    /more than 49152 conditions; .* than 24576, more than 24576 fewer/,
    /host in/,
  ],
  [
    'some terms too many',
    pairs(1500),
    'FILTER_TOO_LARGE',
    /^[\d.]+$/.source,
    /needs 48000 conditions; no target has room for more than 24576, 23424 fewer/,
    /into 2 or more/,
  ],
  [
    'too many tunnels',
    Array(300).fill('geneve').join(' or '),
    'FILTER_TOO_LARGE',
    'geneve',
    /needs 1200 places .* than 1024, 176 fewer/,
    /split/,
  ],
  [
    'too many tags',
    Array(400).fill('vlan').join(' and '),
    'FILTER_TOO_LARGE',
    'vlan',
    /needs 400 tags and tunnels.* than 256, 144 fewer/,
    /split/,
  ],
];

describe('compile, given what it cannot compile', () => {
  const rows = [...WORDS, ...NAMES, ...NUMBERS, ...UNSUPPORTED, ...SIZES];
  it.each(rows.map((row): [string, Row] => [row[0], row]))(
    'says what, where and what to try: %s',
    (_, [, expression, code, at, message, hint, options]) => {
      const refusal = refusalOf(expression, options);
      const { start, end } = refusal.span ?? { start: -1, end: -1 };
      expect(refusal.code).toBe(code);
      expect(refusal.message).toMatch(message);
      if (hint === undefined) expect(refusal.hint).toBeUndefined();
      else expect(refusal.hint).toMatch(hint);
      const found = expression.slice(start, end);
      if (found !== at) expect(found).toMatch(new RegExp(at));
      expect([start >= 0, end <= expression.length]).toEqual([true, true]);
    },
  );

  it('says by how much a program is too large, and that eBPF has room for lists', () => {
    const expression = `ip src host in {${hosts(5000).join(', ')}} and tcp`;
    const { code, message, hint, span } = refusalOf(expression);
    const [, needed = '', most = '', fewer = ''] =
      /needs (\d+) instructions.* at most (\d+), (\d+) fewer/.exec(message) ?? [];
    expect([code, Number(most), Number(needed) - Number(most)]).toEqual([
      'FILTER_TOO_LARGE',
      MAX_INSTRUCTIONS,
      Number(fewer),
    ]);
    expect(Number(needed)).toBeGreaterThan(5000);
    expect(hint).toMatch(/the target ebpf/);
    expect(span).toEqual({ start: 0, end: expression.length });
  });

  it.each([
    ['a list of both sides', `ip host in {${hosts(20_000).join(', ')}}`],
    [
      'terms that are a list',
      hosts(5000)
        .map((host) => `src host ${host}`)
        .join(' or '),
    ],
  ])('says that eBPF has room for %s, and it has', (_, expression) => {
    expect(refusalOf(expression).hint).toMatch(/the target ebpf/);
    expect(compileEbpf(expression).filter.maps).toHaveLength(1);
  });

  it('sends to eBPF also what has no lists, and says what a socket must have room for', () => {
    const { message, hint } = refusalOf(pairs(300));
    const { program, maps } = compileEbpf(pairs(300)).filter;
    expect(message).toMatch(/needs 4522 instructions; the kernel takes at most 4096, 426 fewer/);
    expect([maps.length, hint]).toEqual([
      0,
      expect.stringMatching(
        `^the target ebpf.*: ${program.length} instructions, .* ${Math.ceil(program.length / 128)} KiB of net.core.optmem_max; or split`,
      ),
    ]);
  });

  it('counts what the smallest layout needs', () => {
    const { message } = refusalOf(`src or dst host in {${sparse(3990).join(', ')}}`);
    const [, needed = ''] = /needs (\d+) instructions/.exec(message) ?? [];
    // Two comparisons for an address at the least, and few more.
    expect(Number(needed)).toBeGreaterThan(2 * 3990);
    expect(Number(needed)).toBeLessThan(2.1 * 3990);
  });

  it.each(['live', 'offline'])('sends to user space what no kernel machine has room for (%s)', (form) => {
    const live = form === 'live';
    const relations = Array.from({ length: 1200 }, (_, index) => `ip[ip[${index}] & 15:2] > ip[${index + 1}] * 3`);
    const expression = relations.join(' or ');
    const refusal = refusalOf(expression, { live });
    expect(refusal.hint).toMatch(/the target js.* outside the kernel; for the kernel split the filter/);
    const inEbpf = refusalOf(expression, { live }, compileEbpf);
    expect([inEbpf.code, inEbpf.hint]).toEqual(['FILTER_TOO_LARGE', refusal.hint]);
    const [, jump = '', most = '', fewer = ''] =
      /jump over (\d+) .* at most (\d+), (\d+) fewer/.exec(inEbpf.message) ?? [];
    expect([Number(most), Number(jump) - Number(most)]).toEqual([0x7fff, Number(fewer)]);
    expect(compileOfAnyLength(expression, { live }).program.length).toBeGreaterThan(MAX_INSTRUCTIONS);
    expect(compileWithSets(expression, { live }).program.length).toBeGreaterThan(MAX_INSTRUCTIONS);
  });

  it('says that the words of memory do not suffice', () => {
    const product = (index: number) => `ip[ip[${index}]] * ip[${index}]`;
    const nested = Array.from({ length: 20 }, (_, index) => product(index)).reduce(
      (left, right) => `(${left} - ${right})`,
    );
    const { code, message, span } = refusalOf(`${nested} > 5`);
    expect([code, span]).toEqual(['FILTER_TOO_LARGE', { start: 0, end: nested.length + 4 }]);
    expect(message).toMatch(/words of memory \(16\)/);
  });

  it('is given at most 1 MiB', () => {
    const { code, message, span } = refusalOf(`ip${' '.repeat(2 ** 20)}`);
    expect([code, span]).toEqual(['FILTER_TOO_LARGE', { start: 2 ** 20, end: 2 ** 20 + 2 }]);
    expect(message).toMatch(/1048578 characters; at most 1048576/);
  });

  it.each<[string, CompileOptions, RegExp]>([
    ['a snaplen', { snaplenBytes: 0 }, /snaplen/],
    ['a netmask', { netmask: '255.0' }, /no IPv4 mask/],
    ['a count of headers', { extensions: { ipv6ExtensionHeaders: 1e9 } }, /from 0 to 16/],
    ['half a header', { extensions: { ipv6ExtensionHeaders: 1.5 } }, /whole number/],
  ])('refuses %s that is none', (_, options, message) => {
    const refusal = refusalOf('ip', options);
    expect(refusal.code).toBe('REQUEST_INVALID');
    expect(refusal.message).toMatch(message);
  });

  it.each([
    ['host in {10.0.0.1, 10.1.0.0/8}', '10.1.0.0/8'],
    ['ether host in {00:11:22:33:44:55, foo}', 'foo'],
    ['port in {1-70000, 80}', '1-70000'],
  ])('points at the value of a set that is wrong: %s', (expression, value) => {
    const { span } = refusalOf(expression, {});
    expect(expression.slice(span?.start, span?.end)).toContain(value.slice(0, 3));
    expect(span?.end).toBeLessThanOrEqual(expression.indexOf(value) + value.length);
  });

  it.each([
    ['fe80::1%eth0', /the list “l” holds “fe80::1%eth0”: .*no zone/, 'leave out “%eth0”'],
    ['10.0.0.256', /holds “10\.0\.0\.256”: .*not an IPv4 address/, 'each of its parts is at most 255'],
    ['tcp', /holds “tcp”, which is no value/, undefined],
    ['a b', /holds “a b”, which is no value/, undefined],
  ])('points at the set whose list holds %s, and says what that is', (value, message, hint) => {
    const expression = `tcp and host in {@l}`;
    const refusal = refusalOf(expression, { names: { sets: { l: ['10.0.0.1', value] } } });
    expect([refusal.code, refusal.hint]).toEqual(['FILTER_SYNTAX', hint]);
    expect(refusal.message).toMatch(message);
    expect(expression.slice(refusal.span?.start, refusal.span?.end)).toContain('{@l}');
  });

  it('names the link types it has where one is asked for that it has not', () => {
    const { code, message, hint, span } = refusalOf('tcp', { linkType: 'SUNATM' });
    expect([code, span]).toEqual(['FILTER_UNSUPPORTED', undefined]);
    expect([message, hint].join()).toMatch(/SUNATM.*EN10MB/);
  });
});
