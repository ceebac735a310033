import { BpfleetError } from '@bpfleet/errors';
import type { Cursor } from './cursor.js';

/** Far beyond what a person writes, far below what a stack holds. */
export const MAX_NESTING = 500;

/** @throws BpfleetError `FILTER_TOO_LARGE` when parentheses and `not` are nested too deeply */
export function checkNesting(depth: number, cursor: Cursor): void {
  if (depth <= MAX_NESTING) return;
  throw new BpfleetError('FILTER_TOO_LARGE', `parentheses and not are nested more than ${MAX_NESTING} levels deep`, {
    span: cursor.peek().span,
    hint: 'leave out parentheses around a single term',
  });
}
