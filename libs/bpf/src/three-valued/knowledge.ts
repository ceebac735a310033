import { BPF } from '../opcodes.js';
import { isCertain, narrowed, type Source, type Value } from './value.js';

/** What tests have shown of loads on one way through the program. Immutable: ways share what they have in common. */
export interface Knowledge {
  readonly source: Source;
  /** What the whole load is known to be. */
  readonly value: Value;
  /** Numbers that its masked bits are known not to be. */
  readonly excluded: readonly { readonly mask: number; readonly number: number }[];
  readonly earlier: Knowledge | undefined;
}

export type Outcome =
  | { readonly possible: false }
  | { readonly possible: true; readonly knowledge: Knowledge | undefined };

const IMPOSSIBLE: Outcome = { possible: false };

/** The value that a load of these bytes has on this way, when some test has asked for them. */
export function knownOf(knowledge: Knowledge | undefined, source: Source): Knowledge | undefined {
  let known = knowledge;
  while (known !== undefined && (known.source.offset !== source.offset || known.source.size !== source.size)) {
    known = known.earlier;
  }
  return known;
}

/** Whether `a test operand` can have this outcome, and what that would show. */
export function assume(
  knowledge: Knowledge | undefined,
  test: number,
  a: Value,
  operand: Value,
  holds: boolean,
): Outcome {
  if (!canBe(test, a, operand, holds)) return IMPOSSIBLE;
  const { source } = a;
  if (source === undefined || !isCertain(operand)) return { possible: true, knowledge };
  const before = knownOf(knowledge, source);
  if (before === undefined) return { possible: true, knowledge };
  const number = operand.low;
  const excludes = test === BPF.JEQ && !holds;
  if (test === BPF.JEQ && holds && before.excluded.some((one) => one.mask === source.mask && one.number === number)) {
    return IMPOSSIBLE;
  }
  const value = learnt(before.value, source.mask, test, number, holds);
  if (value === undefined) return IMPOSSIBLE;
  const excluded = excludes ? [...before.excluded, { mask: source.mask, number }] : before.excluded;
  if (excluded.length > 0 && isCertain(value) && excluded.some((one) => (value.low & one.mask) >>> 0 === one.number)) {
    return IMPOSSIBLE;
  }
  return { possible: true, knowledge: { source: before.source, value, excluded, earlier: knowledge } };
}

/** By interval and bits alone. */
function canBe(test: number, a: Value, operand: Value, holds: boolean): boolean {
  const differ =
    a.high < operand.low || operand.high < a.low || ((a.bits ^ operand.bits) & a.known & operand.known) !== 0;
  switch (test) {
    case BPF.JEQ:
      return holds ? !differ : !(isCertain(a) && isCertain(operand) && a.low === operand.low);
    case BPF.JGT:
      return holds ? a.high > operand.low : a.low <= operand.high;
    case BPF.JGE:
      return holds ? a.high >= operand.low : a.low < operand.high;
    default: {
      const canShare = (a.bits | ~a.known) & (operand.bits | ~operand.known);
      return holds ? canShare !== 0 : (a.bits & operand.bits) === 0;
    }
  }
}

/** The whole load, after a test of its masked bits against a number; undefined if it cannot have had that outcome. */
function learnt(value: Value, mask: number, test: number, number: number, holds: boolean): Value | undefined {
  const { low, high, known, bits, source } = value;
  const learn = (moreKnown: number, moreBits: number) =>
    ((bits ^ moreBits) & known & moreKnown) !== 0
      ? undefined
      : narrowed(low, high, (known | moreKnown) >>> 0, (bits | (moreBits & moreKnown)) >>> 0, source);
  const isWhole = ((~known | bits) & ~mask) === 0;
  switch (test) {
    case BPF.JEQ:
      return holds ? learn(mask, number) : value;
    case BPF.JSET:
      if (!holds) return learn((mask & number) >>> 0, 0);
      return isOneBit((mask & number) >>> 0) ? learn((mask & number) >>> 0, number) : value;
    case BPF.JGT:
      if (!isWhole) return value;
      return holds
        ? narrowed(Math.max(low, number + 1), high, known, bits, source)
        : narrowed(low, Math.min(high, number), known, bits, source);
    default:
      if (!isWhole) return value;
      return holds
        ? narrowed(Math.max(low, number), high, known, bits, source)
        : narrowed(low, Math.min(high, number - 1), known, bits, source);
  }
}

function isOneBit(number: number): boolean {
  return number !== 0 && (number & (number - 1)) === 0;
}
