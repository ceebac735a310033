import { serversUsed } from '@bpfleet/test-environment';
import { printFigures } from '../../conformance/figures.js';
import { seed } from './seed.js';

/** Prints what a fault did and cost, with what it ran on and how to repeat it. */
export const printRow = (figures: string): void => printFigures(seed, figures, serversUsed());
