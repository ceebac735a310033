import { readFileSync } from 'node:fs';
import type { CompileOptions } from '@bpfleet/pcap-filter';
import { describe, expect, it } from 'vitest';
import { type HostileInput, hostileInputs } from '../../bench/src/filter/hostile-inputs.js';
import { printFigures } from '../figures.js';
import { Random, seedOfRun } from '../random.js';
import { answerTo } from './answer.js';
import { readAll } from './read-all.js';

const KIB = 1024;
/** By default every third kind is tried in one of these forms, with more rounds all kinds in as many forms. */
const ROUNDS = Number(process.env.BPFLEET_TEST_ROUNDS) || 1;
const KINDS_SKIPPED = 3;
/** Explaining compiles for every link type. */
const READ = 6;
const FORMS: readonly CompileOptions[] = [
  {},
  { optimize: false },
  { linkType: 'IEEE802_11_RADIO' },
  { linkType: 'PPP' },
  { live: true, extensions: { scopedEncapsulation: true } },
  { extensions: { vlanTransparent: true, ipv6ExtensionHeaders: 8 } },
];
/** What is below it is not worth a second look: the bar is 1 s for 64 KiB on a quiet machine. */
const NOTICED_MS = 400;
/** Between four times and sixteen times. */
const GROWTH = 12;

interface Timed {
  readonly name: string;
  readonly form: string;
  readonly ms: number;
  readonly outcome: string;
}

describe('compile, on 64 KiB that mean no good', { timeout: 60_000 * ROUNDS }, () => {
  const seed = seedOfRun();
  const random = new Random(seed);
  const first = random.below(KINDS_SKIPPED);
  const tried = hostileInputs.filter((_, index) => index % KINDS_SKIPPED === first || ROUNDS > 1);
  const timed: Timed[] = [];

  it.each(tried)(`answers $name in time that grows with the length alone (BPFLEET_TEST_SEED=${seed})`, (input) => {
    for (const form of formsOf(random)) {
      const one = time(input, 64 * KIB, form);
      timed.push(one);
      if (one.ms < NOTICED_MS) continue;
      // Four times as long may take four times as much; sixteen times would be the square. Caches are shared, and garbage is
      // collected, so the quickest of three counts.
      const [long, short] = [64, 16].map((size) => quickest(input, size * KIB, form)) as [number, number];
      expect(long / Math.max(short, NOTICED_MS / 4)).toBeLessThan(GROWTH);
    }
  });

  it('prints the slowest', () => {
    const slowest = timed.toSorted((a, b) => b.ms - a.ms).slice(0, 5);
    const lines = slowest.map(({ name, form, ms, outcome }) => `  ${ms.toFixed(0)} ms  ${name}  ${form}  ${outcome}`);
    printFigures(
      seed,
      [`${timed.length} inputs of 64 KiB, ${tried.length} of ${hostileInputs.length} kinds; slowest:`, ...lines].join(
        '\n',
      ),
    );
    expect(timed.length).toBeGreaterThanOrEqual(tried.length);
  });

  it('is explained, printed and linted as well, of shorter ones', () => {
    for (const { write } of Array.from({ length: READ * ROUNDS }, () => random.of(hostileInputs))) {
      const text = write(16 * KIB);
      expect(readAll(text, {}, answerTo(text, {})).length).toBeGreaterThan(0);
    }
  });

  it('answers parentheses 10,000 deep', () => {
    for (const [open, close] of ['()', '[]', '{}'].map(([a = '', b = '']) => [a, b] as const)) {
      for (const text of [open.repeat(10_000), `${open.repeat(10_000)}ip${close.repeat(10_000)}`]) answerTo(text, {});
    }
    const nested = { error: { code: 'FILTER_TOO_LARGE', message: expect.stringContaining('500 levels') } };
    expect(answerTo(`${'('.repeat(10_000)}ip${')'.repeat(10_000)}`, {})).toMatchObject(nested);
    expect(answerTo(`${'not '.repeat(10_000)}ip`, {})).toMatchObject(nested);
    expect(answerTo(`${'ether['.repeat(10_000)}0${']'.repeat(10_000)} = 1`, {})).toMatchObject(nested);
  });
});

function formsOf(random: Random): readonly CompileOptions[] {
  const first = random.below(FORMS.length);
  return Array.from(
    { length: Math.min(ROUNDS, FORMS.length) },
    (_, index) => FORMS[(first + index) % FORMS.length] ?? {},
  );
}

function time({ name, write }: HostileInput, characters: number, form: CompileOptions): Timed {
  const text = write(characters);
  const startMs = threadCpuMs();
  const answer = answerTo(text, form);
  const ms = threadCpuMs() - startMs;
  const outcome = 'program' in answer ? `${answer.program.length} instructions` : answer.error.code;
  return { name, form: JSON.stringify(form), ms, outcome };
}

/** Time on a processor of this thread alone, whatever else runs: proc_pid_schedstat(5), whose first figure is in ns. */
const threadCpuMs = (): number => Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ', 1)[0]) / 1e6;

function quickest(input: HostileInput, characters: number, form: CompileOptions): number {
  return Math.min(...Array.from({ length: 3 }, () => time(input, characters, form).ms));
}
