import { interpret } from '@bpfleet/bpf';
import type { BpfleetError } from '@bpfleet/errors';
import { type CompileOptions, compile } from '@bpfleet/pcap-filter';
import { describe, expect, it } from 'vitest';
import { keywords, namedNumbers } from '../../libs/pcap-filter/src/lex/keywords.js';
import { SUBTYPES } from '../../libs/pcap-filter/src/resolve/wlan.js';
import { knownDifferences } from '../conformance/known-differences.js';
import { Random, seedOfRun } from '../conformance/random.js';
import { aimedPackets } from './aimed-packets.js';
import { blocksOf, pageText } from './blocks.js';

const PAGE = '20-filter-language.md';
const PACKETS = 1000;
const split = (line: string, by: RegExp): [string, string] => {
  const [left = '', right = ''] = line.split(by);
  return [left.trim(), right.trim()];
};

describe(`docs/${PAGE}`, () => {
  const examples = blocksOf(PAGE, 'filter').flatMap(({ info: [, linkType = 'EN10MB', form], lines }) =>
    lines.map((line) => [linkType, line, { linkType, live: form === 'live' }] as const),
  );
  it.each<readonly [string, string, CompileOptions]>(examples)('compiles for %s: %s', (_, expression, options) => {
    expect(compile(expression, options).program.length).toBeGreaterThan(1);
  });

  const equal = (kind: string, options: CompileOptions) =>
    blocksOf(PAGE, kind).flatMap(({ info: [, linkType = 'EN10MB'], lines }) =>
      lines.map((line) => [...split(line, / == /), { ...options, linkType }] as const),
    );
  const netmask = '255.255.255.0';
  it.each([...equal('filter-equal', {}), ...equal('filter-netmask', { netmask })])(
    'means the same by “%s” and “%s”',
    (one, other, options) => {
      const random = new Random(seedOfRun());
      const programs = [one, other].map((expression) => compile(expression, options).program);
      const accepted = [0, 0];
      for (const packet of aimedPackets(programs, random, PACKETS)) {
        const verdicts = programs.map((program) => interpret(program, packet));
        const hex = Buffer.from(packet.bytes).toString('hex');
        expect([random.seed, hex, verdicts[0]]).toEqual([random.seed, hex, verdicts[1]]);
        accepted[verdicts[0] === 0 ? 0 : 1]!++;
      }
      // Packets that all fall on one side would agree with anything.
      expect(accepted.every((count) => count > 0)).toBe(true);
    },
  );

  const errors = blocksOf(PAGE, 'filter-error').flatMap(({ lines }) => lines.map((line) => split(line, / {2,}/)));
  it.each(errors)('refuses “%s” with %s', (expression, code) => {
    expect(() => compile(expression)).toThrow(expect.objectContaining({ code }));
  });

  it('lists the differences from libpcap that the conformance tests know', () => {
    const cells = (row: string) => row.split(/(?<!\\) \| |^\| | \|$/).map((cell) => cell.replaceAll('\\|', '|'));
    const rows = pageText(PAGE).split('\n').map(cells);
    for (const { name, reason } of knownDifferences) expect(rows).toContainEqual(['', name, reason, '']);
  });

  const listed = (heading: string) => {
    const [, section = ''] = pageText(PAGE).split(`\n${heading}\n`);
    const rows = (section.split('\n#')[0] ?? '').split('\n').filter((line) => line.startsWith('|'));
    return rows.flatMap((row) =>
      [...row.matchAll(/`([\w-]+)` (0x[\da-f]+|\d+)/g)].map(([, name, number]) => [name, Number(number)]),
    );
  };
  const byName = (a: unknown[], b: unknown[]) => (String(a[0]) < String(b[0]) ? -1 : 1);

  it('lists every name of a number, with the number', () => {
    expect(listed('### Names of numbers').sort(byName)).toEqual([...namedNumbers].sort(byName));
  });

  it('lists every subtype of 802.11 frames, with its bits', () => {
    const subtypes = [...SUBTYPES.values()].flatMap((names) => [...names]);
    expect(listed('### 802.11, direction, the rest').sort(byName)).toEqual(subtypes.sort(byName));
  });

  it('has an expansion of every word that stands alone, of encapsulations and of each kind of LLC frame', () => {
    const expanded = new Set(equal('filter-equal', {}).map(([expression]) => expression));
    const kinds = hintOf('llc nothing').replace('one of: ', '').split(', ');
    expect(kinds.length).toBeGreaterThan(10);
    const alone = [...keywords.keys()].filter((word) => compiles(word) && !ALIASES_IN_WORDS.includes(word));
    const missing = [...alone, ...kinds.map((kind) => `llc ${kind}`)].filter((one) => !expanded.has(one));
    expect(missing).toEqual([]);
  });

  it('says of VLAN-transparent what is true: bytes, MAC addresses and lengths stay where they are', () => {
    const program = (expression: string, vlanTransparent: boolean) =>
      compile(expression, { extensions: { vlanTransparent } }).program;
    for (const same of ['ether[12:2] = 0x800', 'ether src 00:11:22:33:44:55', 'len > 100'])
      expect(program(same, true)).toEqual(program(same, false));
    for (const moved of ['ip', 'host 10.0.0.7', 'port 80', 'tcp[13] & 2 != 0'])
      expect(program(moved, true)).not.toEqual(program(moved, false));
  });

  it('has blocks of each kind', () => {
    expect([examples.length, equal('filter-equal', {}).length, errors.length].every((count) => count >= 9)).toBe(true);
  });
});

/** Said in words, under the first spelling. */
const ALIASES_IN_WORDS: readonly string[] = ['es-is', 'is-is'];

function compiles(expression: string): boolean {
  try {
    return compile(expression).program.length > 0;
  } catch {
    return false;
  }
}

function hintOf(expression: string): string {
  try {
    compile(expression);
    return '';
  } catch (error) {
    return (error as BpfleetError).hint ?? '';
  }
}
