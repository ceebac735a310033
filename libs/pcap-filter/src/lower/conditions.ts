import type { Condition, Ir, Value } from '../ir/ir.js';
import { ALL_BITS, between, complement, type Ranges, rangesOf, single } from '../ir/ranges.js';
import { allOf, type Logic, leafOf } from '../logic.js';

/** Short ways to write conditions; one place, so that equal questions have equal form and the optimiser sees it. */

export function equals(value: Value, operand: number, mask = ALL_BITS): Ir {
  return isIn(value, single(operand), mask);
}

export function isIn(value: Value, within: Ranges, mask = ALL_BITS): Ir {
  return leafOf({ kind: 'test', value, mask, within });
}

export function isOneOf(value: Value, operands: readonly number[]): Ir {
  return isIn(value, rangesOf(operands.map((operand) => ({ from: operand, to: operand }))));
}

export function atLeast(value: Value, least: number): Ir {
  return isIn(value, between(least, ALL_BITS));
}

export function atMost(value: Value, most: number): Ir {
  return isIn(value, between(0, most));
}

const NOT_ZERO = complement(single(0));

/** Whether any of the bits is set. */
export function hasBits(value: Value, bits: number): Ir {
  return isIn(value, NOT_ZERO, bits);
}

export function assign(slot: number, value: Value): Ir {
  return leafOf({ kind: 'assign', slot, value });
}

export function always(value: boolean): Logic<Condition> {
  return leafOf({ kind: 'always', value });
}

export function not(operand: Ir): Ir {
  return { kind: 'not', operand };
}

/** Does `then` where the condition holds, and goes on either way; for assignments. */
export function where(condition: Ir, then: Ir): Ir {
  return { kind: 'chain', first: allOf(condition, then), rest: [{ operator: 'or', operand: always(true) }] };
}
