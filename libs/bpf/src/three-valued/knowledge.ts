import { BPF } from '../opcodes.js';
import { derivedFrom } from './arithmetic.js';
import { certain, type Derivation, isCertain, narrowed, type Source, type Value } from './value.js';

/** What tests have shown of loads on one way through the program. Immutable: ways share what they have in common. */
export interface Knowledge {
  readonly source: Source;
  /** What the whole load is known to be. */
  readonly value: Value;
  /** Numbers that its masked bits are known not to be. */
  readonly excluded: readonly { readonly mask: number; readonly number: number }[];
  /** Tests of what was calculated from it, and how they went. */
  readonly tested: readonly Tested[];
  readonly earlier: Knowledge | undefined;
}

interface Tested {
  readonly derivation: Derivation;
  readonly test: number;
  readonly number: number;
  readonly holds: boolean;
}

export type Outcome =
  | { readonly possible: false }
  | { readonly possible: true; readonly knowledge: Knowledge | undefined };

/** `a test operand`. */
export interface Question {
  readonly test: number;
  readonly a: Value;
  readonly operand: Value;
}

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
export function assume(knowledge: Knowledge | undefined, { test, a, operand }: Question, holds: boolean): Outcome {
  if (isSameBits(a, operand)) {
    const isTrue = test === BPF.JEQ || test === BPF.JGE;
    if (test !== BPF.JSET) return isTrue === holds ? { possible: true, knowledge } : IMPOSSIBLE;
  }
  if (!canBe(test, a, operand, holds)) return IMPOSSIBLE;
  const { source } = a;
  if (!isCertain(operand)) return { possible: true, knowledge };
  if (source === undefined) return withTested(knowledge, a, { test, number: operand.low, holds });
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
  if (!before.tested.every((tested) => fits(tested, value))) return IMPOSSIBLE;
  const { tested } = before;
  return { possible: true, knowledge: { source: before.source, value, excluded, tested, earlier: knowledge } };
}

/** The same bits of the same load: equal whatever they are. */
function isSameBits({ source: one }: Value, { source: other }: Value): boolean {
  if (one === undefined || other === undefined) return false;
  return one.offset === other.offset && one.size === other.size && one.mask === other.mask;
}

function withTested(knowledge: Knowledge | undefined, a: Value, how: Omit<Tested, 'derivation'>): Outcome {
  const before = a.derived && knownOf(knowledge, a.derived.load);
  if (before === undefined || a.derived === undefined) return { possible: true, knowledge };
  const tested = { ...how, derivation: a.derived };
  if (!fits(tested, before.value)) return IMPOSSIBLE;
  return { possible: true, knowledge: { ...before, tested: [...before.tested, tested], earlier: knowledge } };
}

/** Whether the test can have gone that way; only asked of a load that is certain by now. */
function fits({ derivation, test, number, holds }: Tested, load: Value): boolean {
  if (!isCertain(load)) return true;
  return canBe(test, certain(derivedFrom(load.low, derivation)), certain(number), holds);
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
