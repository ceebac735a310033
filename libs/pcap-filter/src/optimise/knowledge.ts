import { ALL_BITS, type Field, type Test } from '../lower/ir.js';

/** The field's bits under `mask` are `value`. */
interface Bits {
  readonly mask: number;
  readonly value: number;
}

/** What the tests on the way here have told about one field. */
export interface Knowledge {
  readonly known: Bits;
  /** Each of these is known not to hold; the newest last. */
  readonly excluded: readonly Bits[];
  readonly low: number;
  readonly high: number;
}

/** Older exclusions are forgotten: they cost time in long lists and rarely decide anything. */
const MAX_EXCLUDED = 16;

export function nothingKnown(field: Field): Knowledge {
  return NOTHING[field.kind === 'load' ? field.size : 4];
}

const NOTHING = { 1: upTo(0xff), 2: upTo(0xffff), 4: upTo(ALL_BITS) } as const;

/** A short field's high bits are zero. */
function upTo(high: number): Knowledge {
  return { known: { mask: (ALL_BITS ^ high) >>> 0, value: 0 }, excluded: [], low: 0, high };
}

/**
 * Every test is one of two questions: are these bits so, or is the field at least this large.
 * `set` asks whether bits are not all zero, so its answer is turned round. Undefined: neither (a masked field's size).
 */
export type Question = { readonly bits: Bits; readonly turned: boolean } | { readonly atLeast: number };

export function questionOf({ mask, comparison, operand }: Test): Question | undefined {
  switch (comparison) {
    case 'eq':
      return { bits: { mask, value: operand }, turned: false };
    case 'set':
      return { bits: { mask: (mask & operand) >>> 0, value: 0 }, turned: true };
    case 'gt':
      return mask === ALL_BITS ? { atLeast: operand + 1 } : undefined;
    case 'ge':
      return mask === ALL_BITS ? { atLeast: operand } : undefined;
  }
}

/** The answer where it follows from what is known. */
export function decide(knowledge: Knowledge, question: Question | undefined): boolean | undefined {
  if (question === undefined) return undefined;
  if ('bits' in question) {
    const answer = decideBits(knowledge, question.bits);
    return answer === undefined ? undefined : answer !== question.turned;
  }
  if (knowledge.low >= question.atLeast) return true;
  return knowledge.high < question.atLeast ? false : undefined;
}

function decideBits({ known, excluded, low, high }: Knowledge, bits: Bits): boolean | undefined {
  if ((bits.value & ~bits.mask) !== 0) return false;
  if ((known.mask & bits.mask & (known.value ^ bits.value)) !== 0) return false;
  if ((bits.mask & ~known.mask) === 0) return true;
  const both = union(known, bits);
  if (both.mask === ALL_BITS && (both.value < low || both.value > high)) return false;
  return excluded.some((one) => implies(both, one)) ? false : undefined;
}

function implies(stronger: Bits, weaker: Bits): boolean {
  return (weaker.mask & ~stronger.mask) === 0 && ((stronger.value ^ weaker.value) & weaker.mask) === 0;
}

function union(a: Bits, b: Bits): Bits {
  return { mask: (a.mask | b.mask) >>> 0, value: ((a.value & a.mask) | (b.value & b.mask)) >>> 0 };
}

/** What is known once the answer is. */
export function learn(knowledge: Knowledge, question: Question | undefined, answer: boolean): Knowledge {
  if (question === undefined) return knowledge;
  if ('bits' in question) {
    if (answer !== question.turned) return settled({ ...knowledge, known: union(knowledge.known, question.bits) });
    return { ...knowledge, excluded: [...knowledge.excluded.slice(1 - MAX_EXCLUDED), question.bits] };
  }
  return settled(
    answer
      ? { ...knowledge, low: Math.max(knowledge.low, question.atLeast) }
      : { ...knowledge, high: Math.min(knowledge.high, question.atLeast - 1) },
  );
}

/** Known bits and range tell the same where only one value is left. */
function settled(knowledge: Knowledge): Knowledge {
  const { known, low, high } = knowledge;
  if (known.mask === ALL_BITS) return { ...knowledge, low: known.value, high: known.value };
  return low === high ? { ...knowledge, known: { mask: ALL_BITS, value: low } } : knowledge;
}

/** What holds whichever of two ways was taken. */
export function meet(a: Knowledge, b: Knowledge): Knowledge {
  if (a === b) return a;
  const mask = (a.known.mask & b.known.mask & ~(a.known.value ^ b.known.value)) >>> 0;
  return {
    known: { mask, value: (a.known.value & mask) >>> 0 },
    excluded: commonExclusions(a, b),
    low: Math.min(a.low, b.low),
    high: Math.max(a.high, b.high),
  };
}

function commonExclusions(a: Knowledge, b: Knowledge): readonly Bits[] {
  if (a.excluded === b.excluded) return a.excluded;
  const common = a.excluded.filter((bits) => decideBits(b, bits) === false);
  const more = b.excluded.filter(
    (bits) =>
      decideBits(a, bits) === false && !common.some((one) => one.mask === bits.mask && one.value === bits.value),
  );
  return [...common, ...more].slice(-MAX_EXCLUDED);
}
