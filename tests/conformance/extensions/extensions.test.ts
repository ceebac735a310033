import { checkProgram, interpret, type Program } from '@bpfleet/bpf';
import { BpfleetError } from '@bpfleet/errors';
import { type CompileOptions, compile } from '@bpfleet/pcap-filter';
import { describe, expect, it } from 'vitest';
import { Random, seedOfRun } from '../random.js';
import { shareWithin } from '../share.js';
import { meaningOf, randomExpression, textOf } from './expressions.js';
import { randomFrame } from './frames.js';
import type { Extensions } from './view.js';

const ROUNDS = Number(process.env.BPFLEET_TEST_ROUNDS) || 1;
const EXPRESSIONS = 300 * ROUNDS;
const PACKETS = 30;

/** How each is switched on, among others that may be on as well. */
const SWITCHES: readonly (readonly [string, (random: Random) => Extensions])[] = [
  ['sets and lists of VLAN ids', () => ({})],
  ['IPv6 extension headers', (random) => ({ ipv6ExtensionHeaders: 1 + random.below(8) })],
  ['VLAN-transparent', () => ({ vlanTransparent: true })],
  ['scoped encapsulation', () => ({ scopedEncapsulation: true })],
  [
    'all of them',
    (random) => ({
      ipv6ExtensionHeaders: 1 + random.below(4),
      vlanTransparent: random.chance(50),
      scopedEncapsulation: true,
    }),
  ],
];

describe('what libpcap does not have', () => {
  const seed = seedOfRun();

  it.each(SWITCHES)(`means what the standards say: %s (BPFLEET_TEST_SEED=${seed})`, (_, switched) => {
    const random = new Random(seed);
    const count = { pairs: 0, accepted: 0, outside: 0, refused: 0 };
    for (let round = 0; round < EXPRESSIONS; round++) {
      const expression = randomExpression(random);
      const [text, extensions] = [textOf(expression), switched(random)];
      // Where a tag moves what follows, the live form is libpcap's own and compared with it.
      const options = { extensions, live: extensions.vlanTransparent === true && random.chance(50) };
      const programs = [false, true].map((optimize) => programOf(text, { ...options, optimize }));
      if (programs[0] === undefined) count.refused++;
      const says = meaningOf(expression, extensions);
      for (let index = 0; index < PACKETS; index++) {
        const { packet, isCut } = randomFrame(random, options.live);
        const expected = says(packet);
        if (expected === undefined) {
          count.outside++;
          continue;
        }
        for (const program of programs) {
          if (program === undefined) continue;
          count.pairs++;
          if (expected) count.accepted++;
          const found = program === 'NEVER_MATCHES' ? false : interpret(program, packet) !== 0;
          // Of a number that is cut the program may load all where its beginning decides, and then says "no".
          if (found === expected || (isCut && !found)) continue;
          const hex = Buffer.from(packet.bytes).toString('hex');
          const form = program === programs[1] ? 'optimised' : 'plain';
          expect.fail(
            `seed ${seed}: ${text}\n${JSON.stringify(options)} ${form}: ${found}, not ${expected}\n${hex}\n${JSON.stringify(packet.metadata)}`,
          );
        }
      }
    }
    const accepted = shareWithin(count.accepted / count.pairs, EXPRESSIONS);
    expect(accepted.most).toBeGreaterThan(0.15);
    expect(accepted.least).toBeLessThan(0.85);
    expect(shareWithin(count.outside / (EXPRESSIONS * PACKETS), EXPRESSIONS).least).toBeLessThan(0.25);
    expect(shareWithin(count.refused / EXPRESSIONS, EXPRESSIONS).least).toBeLessThan(0.05);
  });
});

/** Undefined where it is too large for a program. */
function programOf(text: string, options: CompileOptions): Program | 'NEVER_MATCHES' | undefined {
  try {
    const { program } = compile(text, options);
    expect(checkProgram(program)).toBeUndefined();
    return program;
  } catch (error) {
    if (error instanceof BpfleetError && error.code === 'NEVER_MATCHES') return 'NEVER_MATCHES';
    if (error instanceof BpfleetError && error.code === 'FILTER_TOO_LARGE') return undefined;
    throw error;
  }
}
