import { Random, seedOfRun } from '../../conformance/random.js';

/** Of all that tests here leave to chance: part of the suite's name. */
export const seed = seedOfRun();

/** For one test: which others ran before it changes nothing. */
export const newRandom = (): Random => new Random(seed);
