import { Random, seedOfRun } from '../../conformance/random.js';

/** Of all that tests here leave to chance. */
export const seed = seedOfRun();

/** The name of a suite that leaves something to chance: also one that fails says how to repeat it. */
export const seeded = (suite: string): string => `${suite} (BPFLEET_TEST_SEED=${seed})`;

/** For one test: which others ran before it changes nothing. */
export const newRandom = (): Random => new Random(seed);
