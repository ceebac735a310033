import { BPF } from '../opcodes.js';
import type { Assumption, Relation } from './terms.js';

/** A relation together with what is assumed of the same two terms: true where it says nothing, false where it cannot be. */
export function joined(relation: Relation, assumptions: readonly Assumption[]): Relation | boolean {
  const { test, a, operand, holds } = relation;
  if (a === operand && test !== BPF.JSET) return (test !== BPF.JGT) === holds;
  let orders = ordersOf(test, holds);
  for (const other of assumptions) {
    if (other.kind !== 'relation') continue;
    const isSame = other.a === a && other.operand === operand;
    if (!isSame && (other.a !== operand || other.operand !== a)) continue;
    if (test === BPF.JSET || other.test === BPF.JSET) {
      if (test === other.test && holds !== other.holds) return false;
      continue;
    }
    const theirs = ordersOf(other.test, other.holds);
    orders &= isSame ? theirs : (theirs & EQUAL) | (theirs & LESS && GREATER) | (theirs & GREATER && LESS);
  }
  if (test === BPF.JSET) return relation;
  const found = TESTS_OF_ORDERS.get(orders);
  return found === undefined ? false : { ...relation, test: found.test, holds: found.holds };
}

const [LESS, EQUAL, GREATER] = [1, 2, 4];

function ordersOf(test: number, holds: boolean): number {
  const whenTrue = test === BPF.JEQ ? EQUAL : test === BPF.JGT ? GREATER : GREATER | EQUAL;
  return holds ? whenTrue : 7 - whenTrue;
}

const TESTS_OF_ORDERS = new Map(
  [BPF.JEQ, BPF.JGT, BPF.JGE].flatMap((test) => [true, false].map((holds) => [ordersOf(test, holds), { test, holds }])),
);
