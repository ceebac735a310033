import type { Facts } from './facts.js';
import { amongMembers } from './members.js';
import { related } from './relations.js';
import { type Assumption, type Missing, type Term, termsOf } from './terms.js';
import { isCertain, type Value, withBits } from './value.js';

/** Cases that are told apart before it is given up. */
const MOST_CASES = 300;

/**
 * Whether no completion of the packet does what was assumed. Tells cases apart, bit by bit of the missing bytes that
 * assumptions depend on, until each contradicts itself. `isPossible` is asked in each case whether it has found a completion.
 */
export function isRefuted(facts: Facts, isPossible: () => boolean): boolean {
  let casesLeft = MOST_CASES;
  const inEachCase = (): boolean => {
    if (casesLeft-- <= 0 || facts.isExhausted || isPossible()) return false;
    const byte = openByte(facts);
    if (byte === undefined) return false;
    const bit = 2 ** (31 - Math.clz32(~byte.value.known));
    return [0, bit].every((bits) => {
      const mark = facts.mark();
      const isRefuted = !facts.learn(byte, withBits(bit, bits)) || inEachCase();
      facts.undo(mark);
      return isRefuted;
    });
  };
  return inEachCase();
}

/** A missing byte that decides about an assumption: of the one that fewest bits are missing for. */
function openByte(facts: Facts): Missing | undefined {
  const seen = new Map<Term, Value>();
  let [fewest, found] = [Number.POSITIVE_INFINITY, undefined] as [number, Missing | undefined];
  for (const assumption of facts.assumptions) {
    if (isSettled(facts, assumption, seen)) continue;
    const bytes = new Set<Missing>();
    for (const term of termsOf(assumption)) collectBytes(facts, term, bytes);
    const missing = [...bytes].reduce((sum, byte) => sum + bitCount(~byte.value.known), 0);
    if (missing === 0 || missing >= fewest) continue;
    [fewest, found] = [missing, [...bytes][0]];
  }
  return found;
}

/** Whether it follows from the missing bytes, as far as they are known. */
function isSettled(facts: Facts, assumption: Assumption, seen: Map<Term, Value>): boolean {
  const { holds } = assumption;
  const a = facts.fromBytes(assumption.a, seen);
  if (assumption.kind === 'member') return amongMembers(assumption.set, a, !holds) === undefined;
  return related(assumption.test, a, facts.fromBytes(assumption.operand, seen), !holds) === undefined;
}

/** The uncertain bytes that a term depends on; of a load at an uncertain place those of its offset. */
function collectBytes(facts: Facts, term: Term, bytes: Set<Missing>): void {
  switch (term.kind) {
    case 'numeral':
      return;
    case 'missing':
      if (!isCertain(term.value)) bytes.add(term);
      return;
    case 'word':
      for (const byte of term.bytes) collectBytes(facts, byte, bytes);
      return;
    case 'calculated':
      collectBytes(facts, term.a, bytes);
      collectBytes(facts, term.operand, bytes);
      return;
    case 'load': {
      const before = bytes.size;
      collectBytes(facts, term.offset, bytes);
      if (bytes.size === before) for (const byte of facts.bytesOf(term)) collectBytes(facts, byte, bytes);
    }
  }
}

function bitCount(bits: number): number {
  let [count, left] = [0, bits >>> 0];
  for (; left !== 0; left &= left - 1) count++;
  return count;
}
