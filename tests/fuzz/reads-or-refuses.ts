import { BpfleetError } from '@bpfleet/errors';
import { expect, it } from 'vitest';
import { printFigures } from '../conformance/figures.js';
import { Random, seedOfRun } from '../conformance/random.js';
import { timeLimitMs } from '../conformance/time-limit.js';
import { InputMemory } from './input-memory.js';
import { type Inputs, Mutations } from './mutations.js';

/** A million in the long form: `BPFLEET_TEST_ROUNDS=50 npm test -- tests/fuzz`. */
const ROUNDS = Number(process.env.BPFLEET_TEST_ROUNDS) || 1;
const INPUTS = 20_000 * ROUNDS;
const LOOK_EVERY = 1_000;
/** Far above what one input needs with what waits for the collector, far below what a million would leave behind. */
const MOST_BYTES_MORE = 256 * 2 ** 20;

export interface Fuzzed {
  /** What they are called in the figures. */
  readonly name: string;
  /** Each is read as it is before anything is changed. */
  readonly valid: readonly Uint8Array[];
  /** Reads one input, and checks what comes out of it. @returns false when it is refused; an error may say so as well */
  readonly read: (input: Uint8Array, random: Random) => boolean;
  /** How the valid ones are damaged; by default byte by byte. */
  readonly damage?: new (
    random: Random,
    valid: readonly Uint8Array[],
  ) => Inputs;
  /** Codes of the errors that are refusals. */
  readonly refusals: readonly string[];
}

/** Defines a test that a parser reads or refuses a great many inputs: no other error, nothing kept, little taken for each. */
export function itReadsOrRefuses({ name, valid, read, refusals, damage = Mutations }: Fuzzed): void {
  const seed = seedOfRun();
  const title = `${name}: reads or refuses ${INPUTS} inputs, and keeps nothing (BPFLEET_TEST_SEED=${seed})`;
  it(title, { timeout: timeLimitMs(INPUTS) }, () => {
    const random = new Random(seed);
    for (const input of valid) expect(read(input, random)).toBe(true);
    const inputs = new damage(random, valid);
    const before = takenBytes();
    const memory = new InputMemory();
    let [accepted, mostBytes] = [0, 0];
    for (let number = 0; number < INPUTS; number++) {
      const input = inputs.next();
      if (isRead(() => memory.around(() => read(input, random)), refusals, input)) accepted++;
      if (number % LOOK_EVERY !== 0) continue;
      memory.look();
      mostBytes = Math.max(mostBytes, takenBytes() - before);
      expect(mostBytes).toBeLessThan(MOST_BYTES_MORE);
    }
    const resident = memory.look();
    const refused = INPUTS - accepted;
    printFigures(
      seed,
      `${INPUTS} ${name}: ${accepted} read, ${refused} refused, 0 crashes; ` +
        `at most ${mebibytes(mostBytes)} MiB more, ${mebibytes(memory.mostOfOne)} MiB for one, ` +
        `the process's largest size ${mebibytes(resident)} MiB more`,
    );
    // Neither nothing but the first check of a parser is tried, nor nothing but what no check is for.
    expect(accepted).toBeGreaterThan(INPUTS / 100);
    expect(refused).toBeGreaterThan(INPUTS / 5);
  });
}

/** Of this thread: others of the process run other tests. */
function takenBytes(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);

function isRead(read: () => boolean, refusals: readonly string[], input: Uint8Array): boolean {
  try {
    return read();
  } catch (error) {
    if (error instanceof BpfleetError && refusals.includes(error.code)) return false;
    throw new Error(`input ${Buffer.from(input).toString('base64')}`, { cause: error });
  }
}
