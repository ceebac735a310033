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
 * Every test is one of two questions: are these bits so, or is the field at least this large. `set` asks whether bits are
 * not all zero, so its answer is turned round. One shape for all, because long lists ask them a million times.
 */
export interface Question {
  /** `none`: a masked field's size, of which nothing is known. */
  readonly kind: 'bits' | 'size' | 'none';
  readonly bits: Bits;
  readonly turned: boolean;
  readonly atLeast: number;
}

const NO_BITS: Bits = { mask: 0, value: 0 };

export function questionOf({ mask, comparison, operand }: Test): Question {
  switch (comparison) {
    case 'eq':
      return { kind: 'bits', bits: { mask, value: operand }, turned: false, atLeast: 0 };
    case 'set':
      return { kind: 'bits', bits: { mask: (mask & operand) >>> 0, value: 0 }, turned: true, atLeast: 0 };
    case 'gt':
      return { kind: mask === ALL_BITS ? 'size' : 'none', bits: NO_BITS, turned: false, atLeast: operand + 1 };
    case 'ge':
      return { kind: mask === ALL_BITS ? 'size' : 'none', bits: NO_BITS, turned: false, atLeast: operand };
  }
}

/** The answer where it follows from what is known. */
export function decide(knowledge: Knowledge, { kind, bits, turned, atLeast }: Question): boolean | undefined {
  switch (kind) {
    case 'bits': {
      const answer = decideBits(knowledge, bits);
      return answer === undefined ? undefined : answer !== turned;
    }
    case 'size':
      if (knowledge.low >= atLeast) return true;
      return knowledge.high < atLeast ? false : undefined;
    case 'none':
      return undefined;
  }
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
export function learn(knowledge: Knowledge, question: Question, answer: boolean): Knowledge {
  const { kind, bits, turned, atLeast } = question;
  if (kind === 'none') return knowledge;
  if (kind === 'size') {
    return settled(
      answer
        ? { ...knowledge, low: Math.max(knowledge.low, atLeast) }
        : { ...knowledge, high: Math.min(knowledge.high, atLeast - 1) },
    );
  }
  if (answer !== turned) return settled({ ...knowledge, known: union(knowledge.known, bits) });
  // Bits that could not be so under their mask: denying them tells nothing.
  if ((bits.value & ~bits.mask) !== 0) return knowledge;
  return { ...knowledge, excluded: [...knowledge.excluded.slice(1 - MAX_EXCLUDED), bits] };
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
