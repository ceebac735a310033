import {
  ALL_BITS,
  between,
  complement,
  contains,
  countValues,
  intersection,
  onlyMissing,
  onlyValue,
  type Ranges,
  single,
  union,
} from '../ir/ranges.js';

/** Some bits of a value. */
interface Bits {
  readonly mask: number;
  readonly value: number;
}

/** `(value & mask)` is in `within`. */
export interface MaskTest {
  readonly mask: number;
  readonly within: Ranges;
  /** What `within` has, where it is one number. */
  readonly only: number | undefined;
}

/** What the tests on the way here have told about one value. Never changed, only replaced. */
export interface Knowledge {
  /** It is one of these. */
  readonly possible: Ranges;
  /** Its bits under `mask` are `value`. */
  readonly known: Bits;
  /** None of these holds; the newest last. */
  readonly excluded: readonly Bits[];
}

/** Sets of more ranges are not kept: they cost time in long lists and rarely decide anything. */
const MAX_BOUNDS = 48;
const MAX_EXCLUDED = 12;

/** Of a value that is at most `largest`. */
export function nothingKnown(largest: number): Knowledge {
  const high = largest === 0 ? ALL_BITS : (ALL_BITS << (32 - Math.clz32(largest))) >>> 0;
  const zeroBits = largest > 0x7fff_ffff ? 0 : high;
  return { possible: between(0, largest), known: { mask: zeroBits, value: 0 }, excluded: NONE };
}

export function exactly(value: number): Knowledge {
  return { possible: single(value), known: { mask: ALL_BITS, value }, excluded: NONE };
}

const NONE: readonly Bits[] = [];

/** The test's answer where it follows from what is known. */
export function decide(knowledge: Knowledge, test: MaskTest): boolean | undefined {
  const { mask, within, only } = test;
  const { known } = knowledge;
  if (known.mask === ALL_BITS) return contains(within, (known.value & mask) >>> 0);
  if (only !== undefined) return decideOne(knowledge, mask, only);
  if (mask === ALL_BITS) return decideRanges(knowledge, within);
  const otherwise = onlyMissing(within);
  if (otherwise === undefined) return decideMasked(knowledge, mask, within);
  const answer = decideBits(knowledge, { mask, value: otherwise });
  return answer === undefined ? undefined : !answer;
}

function decideMasked({ known }: Knowledge, mask: number, within: Ranges): boolean | undefined {
  if ((mask & ~known.mask) === 0) return contains(within, (known.value & mask) >>> 0);
  // Nothing above the mask can be.
  const cut = intersection(within, Uint32Array.of(0, mask));
  if (cut.length === 0) return false;
  return cut.length === 2 && cut[0] === 0 && cut[1] === mask ? true : undefined;
}

function decideOne(knowledge: Knowledge, mask: number, value: number): boolean | undefined {
  if (mask === ALL_BITS && !contains(knowledge.possible, value)) return false;
  return decideBits(knowledge, { mask, value });
}

function decideRanges({ possible }: Knowledge, within: Ranges): boolean | undefined {
  const first = possible[0] ?? 0;
  const last = possible[possible.length - 1] ?? 0;
  if ((within[0] ?? 0) > last || (within[within.length - 1] ?? 0) < first) return false;
  if (within.length > MAX_BOUNDS) return undefined;
  const both = intersection(possible, within);
  if (both.length === 0) return false;
  return countValues(both) === countValues(possible) ? true : undefined;
}

function decideBits({ known, excluded }: Knowledge, bits: Bits): boolean | undefined {
  if ((bits.value & ~bits.mask) !== 0) return false;
  if ((known.mask & bits.mask & (known.value ^ bits.value)) !== 0) return false;
  if ((bits.mask & ~known.mask) === 0) return true;
  if (excluded.length === 0) return undefined;
  const both = joinBits(known, bits);
  return excluded.some((one) => implies(both, one)) ? false : undefined;
}

function implies(stronger: Bits, weaker: Bits): boolean {
  return (weaker.mask & ~stronger.mask) === 0 && ((stronger.value ^ weaker.value) & weaker.mask) === 0;
}

function joinBits(a: Bits, b: Bits): Bits {
  return { mask: (a.mask | b.mask) >>> 0, value: ((a.value & a.mask) | (b.value & b.mask)) >>> 0 };
}

/** What is known once the answer is. */
export function learn(knowledge: Knowledge, { mask, within, only }: MaskTest, answer: boolean): Knowledge {
  if (mask === ALL_BITS) return learnRanges(knowledge, within, answer);
  if (only !== undefined) return learnBits(knowledge, { mask, value: only }, answer);
  const otherwise = onlyMissing(within);
  return otherwise === undefined ? knowledge : learnBits(knowledge, { mask, value: otherwise }, !answer);
}

function learnRanges(knowledge: Knowledge, within: Ranges, answer: boolean): Knowledge {
  if (within.length > MAX_BOUNDS) {
    if (!answer) return knowledge;
    const hull = Uint32Array.of(within[0] ?? 0, within[within.length - 1] ?? ALL_BITS);
    return settled({ ...knowledge, possible: intersection(knowledge.possible, hull) });
  }
  const possible = intersection(knowledge.possible, answer ? within : complement(within));
  if (possible.length > MAX_BOUNDS) return knowledge;
  return settled({ ...knowledge, possible });
}

function learnBits(knowledge: Knowledge, bits: Bits, answer: boolean): Knowledge {
  // Bits that could not be so under their mask: denying them tells nothing.
  if ((bits.value & ~bits.mask) !== 0) return knowledge;
  if (answer) return settled({ ...knowledge, known: joinBits(knowledge.known, bits) });
  return { ...knowledge, excluded: [...knowledge.excluded.slice(1 - MAX_EXCLUDED), bits] };
}

/** Known bits and the set tell the same where only one number is left. */
function settled(knowledge: Knowledge): Knowledge {
  const { known, possible } = knowledge;
  if (known.mask === ALL_BITS) return { ...knowledge, possible: Uint32Array.of(known.value, known.value) };
  const value = onlyValue(possible);
  return value === undefined ? knowledge : { ...knowledge, known: { mask: ALL_BITS, value } };
}

/** What holds whichever of two ways was taken. */
export function meet(a: Knowledge, b: Knowledge): Knowledge {
  if (a === b) return a;
  const mask = (a.known.mask & b.known.mask & ~(a.known.value ^ b.known.value)) >>> 0;
  const possible = a.possible === b.possible ? a.possible : union(a.possible, b.possible);
  return {
    possible: possible.length > MAX_BOUNDS ? hullOf(possible) : possible,
    known: { mask, value: (a.known.value & mask) >>> 0 },
    excluded: commonExclusions(a, b),
  };
}

function hullOf(ranges: Ranges): Ranges {
  return Uint32Array.of(ranges[0] ?? 0, ranges[ranges.length - 1] ?? ALL_BITS);
}

function commonExclusions(a: Knowledge, b: Knowledge): readonly Bits[] {
  if (a.excluded === b.excluded || (a.excluded.length === 0 && b.excluded.length === 0)) return a.excluded;
  return deniedByBoth(a, b);
}

function deniedByBoth(a: Knowledge, b: Knowledge): readonly Bits[] {
  const isDenied = (knowledge: Knowledge, bits: Bits) => decideBits(knowledge, bits) === false;
  const common = a.excluded.filter((bits) => isDenied(b, bits));
  const more = b.excluded.filter(
    (bits) => isDenied(a, bits) && !common.some((one) => one.mask === bits.mask && one.value === bits.value),
  );
  return [...common, ...more].slice(-MAX_EXCLUDED);
}
