import { interpret } from '@bpfleet/bpf';
import { type CompileOptions, compile } from '@bpfleet/pcap-filter';
import { describe, expect, it } from 'vitest';
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
    blocksOf(PAGE, kind).flatMap(({ lines }) => lines.map((line) => [...split(line, / == /), options] as const));
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

  it('has blocks of each kind', () => {
    expect([examples.length, equal('filter-equal', {}).length, errors.length].every((count) => count >= 9)).toBe(true);
  });
});
