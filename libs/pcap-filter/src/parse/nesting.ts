import type { Span } from '@bpfleet/errors';
import { tooLargeFault } from '../fault.js';
import type { Cursor } from './cursor.js';

/** Far beyond what a person writes, far below what a stack holds. */
export const MAX_NESTING = 500;
/** Of numbers, operators, brackets. */
export const MAX_CALCULATION_TOKENS = 1000;

/** @throws BpfleetError `FILTER_TOO_LARGE` when parentheses and `not` are nested too deeply */
export function checkNesting(depth: number, cursor: Cursor): void {
  if (depth > MAX_NESTING) throw tooDeep(cursor);
}

function tooDeep(cursor: Cursor) {
  return tooLargeFault(
    `parentheses, not and operators are nested more than ${MAX_NESTING} levels deep`,
    'leave out parentheses around a single term',
    cursor.peek().span,
  );
}

/**
 * A sum of n numbers is a tree of n levels, which later stages walk down: it is limited as nesting is.
 * @param tokens how many words and signs the calculation has
 */
export function checkCalculation(tokens: number, span: Span): void {
  if (tokens <= MAX_CALCULATION_TOKENS) return;
  throw tooLargeFault(
    `a calculation of ${tokens} words and signs; at most ${MAX_CALCULATION_TOKENS} are read`,
    'work constants out before, and split the calculation into several comparisons',
    span,
  );
}
