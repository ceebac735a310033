import type { CompileOptions } from '@bpfleet/pcap-filter';
import { describe, expect, it } from 'vitest';
import { printFigures } from '../figures.js';
import { linkForms } from '../link-types.js';
import { Random, seedOfRun } from '../random.js';
import { type Answer, answerTo } from './answer.js';
import { RandomTexts, textKinds } from './random-text.js';
import { readAll } from './read-all.js';

const ROUNDS = Number(process.env.BPFLEET_TEST_ROUNDS) || 1;
const TEXTS = 20_000 * ROUNDS;
/** One in so many answers is also explained, printed and linted. */
const READ_ONE_IN = 40;
const NOTICED_MS = 20;

const EXTENSIONS: readonly NonNullable<CompileOptions['extensions']>[] = [
  {},
  {},
  { scopedEncapsulation: true },
  { vlanTransparent: true },
  { ipv6ExtensionHeaders: 2 },
  { scopedEncapsulation: true, vlanTransparent: true, ipv6ExtensionHeaders: 8 },
];

describe('compile', () => {
  const seed = seedOfRun();

  it(
    `answers any text with a valid program or with an error at a place in it (BPFLEET_TEST_SEED=${seed})`,
    () => {
      const random = new Random(seed);
      const texts = new RandomTexts(random);
      const counted = new Map<string, number>();
      let slowest = { ms: 0, text: '' };
      for (let round = 0; round < TEXTS; round++) {
        const text = texts.write(random.of(textKinds));
        const options = randomOptions(random);
        const { answer, ms } = timed(() => answered(text, options, seed));
        if (ms > slowest.ms) slowest = { ms, text };
        const outcome = 'program' in answer ? 'program' : answer.error.code;
        counted.set(outcome, (counted.get(outcome) ?? 0) + 1);
        if (random.below(READ_ONE_IN) === 0) checkSaid(readAll(text, options, answer));
      }
      printFigures(
        seed,
        `${TEXTS} texts, ${[...counted].map(([outcome, count]) => `${outcome} ${count}`).join(', ')}; ` +
          `slowest ${slowest.ms.toFixed(1)} ms for ${JSON.stringify(slowest.text.slice(0, 80))}`,
      );
      // Texts that are all refused at once would try nothing but the scanner.
      for (const outcome of ['program', 'FILTER_SYNTAX', 'FILTER_UNSUPPORTED', 'NEVER_MATCHES']) {
        expect([outcome, (counted.get(outcome) ?? 0) / TEXTS > 0.01]).toEqual([outcome, true]);
      }
    },
    60_000 * ROUNDS,
  );
});

function randomOptions(random: Random): CompileOptions {
  const { linkType, live } = random.of(linkForms);
  return {
    ...{ linkType, live, optimize: random.chance(70), extensions: random.of(EXTENSIONS) },
    netmask: random.chance(50) ? '255.255.255.0' : null,
    names: { sets: { list: ['10.0.0.0/8', '192.168.0.1'] } },
  };
}

function answered(text: string, options: CompileOptions, seed: number): Answer {
  try {
    return answerTo(text, options);
  } catch (error) {
    return expect.fail(`seed ${seed}, ${JSON.stringify(text)} with ${JSON.stringify(options)}: ${String(error)}`);
  }
}

/** What seems slow may have waited for others on this machine: the quickest of three counts. */
function timed(work: () => Answer): { answer: Answer; ms: number } {
  const once = () => {
    const start = performance.now();
    const answer = work();
    return { answer, ms: performance.now() - start };
  };
  const { answer, ms } = once();
  return { answer, ms: ms < NOTICED_MS ? ms : Math.min(ms, once().ms, once().ms) };
}

/** They say something, and nothing that a person would not write. */
function checkSaid(said: readonly string[]): void {
  for (const one of said) expect(one).not.toMatch(/^$|\bundefined\b|\bNaN\b|\[object /);
}
