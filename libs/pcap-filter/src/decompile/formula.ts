import { ALL_BITS, between, complement, contains, intersection, isSame, type Ranges, union } from '../ir/ranges.js';
import type { NumberedValue } from '../optimise/values.js';
import type { Symbols } from './symbols.js';

/** A condition in negation normal form: `not` is in the questions themselves. Parts of one kind are never nested. */
export type Formula = Always | Question | Joined;
export type Question = Test | Comparison;

export interface Always {
  readonly kind: 'always';
  readonly value: boolean;
}

/** `(value & mask)` is in `within`. One question has one form: see `test`. */
export interface Test {
  readonly kind: 'test';
  readonly value: NumberedValue;
  readonly mask: number;
  readonly within: Ranges;
}

export type Sign = '=' | '!=' | '>' | '>=' | '<' | '<=';

/** Of two numbers that both depend on the packet. */
export interface Comparison {
  readonly kind: 'comparison';
  readonly left: NumberedValue;
  readonly sign: Sign;
  readonly right: NumberedValue;
}

export interface Joined {
  readonly kind: 'all' | 'any';
  readonly parts: readonly Formula[];
}

export const TRUE: Always = { kind: 'always', value: true };
export const FALSE: Always = { kind: 'always', value: false };
const always = (value: boolean): Always => (value ? TRUE : FALSE);

const OPPOSITE: Readonly<Record<Sign, Sign>> = { '=': '!=', '!=': '=', '>': '<=', '<=': '>', '<': '>=', '>=': '<' };

/**
 * Asks whether `(value & mask)` is in `within`, in one form for all ways to ask it: constant masks inside the value join the
 * mask, a mask of leading bits becomes ranges of the whole value, and ranges end at the largest number there can be.
 */
export function test(symbols: Symbols, value: NumberedValue, mask: number, within: Ranges): Always | Test {
  const inner = value.value;
  if (inner.kind === 'constant') return always(contains(within, (inner.value & mask) >>> 0));
  if (inner.kind === 'binary' && inner.operator === '&' && inner.right.kind === 'constant') {
    return test(symbols, symbols.number(inner.left), (mask & inner.right.value) >>> 0, within);
  }
  const { largest } = value;
  const bits = (mask & largest) >>> 0;
  const rest = (bits ^ largest) >>> 0;
  const isWhole = (largest & (largest + 1)) === 0;
  if (!isWhole) return clipped(value, mask, within, mask);
  // Leading bits: the others may be anything.
  if ((rest & (rest + 1)) === 0 && bits !== 0) return clipped(value, ALL_BITS, widened(within, bits, rest), largest);
  if (bits === 0 || (bits & (bits - 1)) === 0) return oneBit(value, bits, within);
  return clipped(value, bits, within, bits);
}

function clipped(value: NumberedValue, mask: number, within: Ranges, largest: number): Always | Test {
  const all = between(0, largest);
  const inside = intersection(within, all);
  if (inside.length === 0) return FALSE;
  return isSame(inside, all) ? TRUE : { kind: 'test', value, mask, within: inside };
}

/** The numbers whose leading bits are in `within`. */
function widened(within: Ranges, bits: number, rest: number): Ranges {
  if (rest === 0) return within;
  const bounds: number[] = [];
  for (let index = 0; index < within.length; index += 2) {
    const first = Math.ceil((within[index] ?? 0) / (rest + 1)) * (rest + 1);
    const last = ((within[index + 1] ?? 0) & ~rest) >>> 0;
    if (first > last || first > bits + rest) continue;
    const end = Math.min(last + rest, ALL_BITS);
    if (bounds.length > 0 && bounds.at(-1) === first - 1) bounds[bounds.length - 1] = end;
    else bounds.push(first, end);
  }
  return Uint32Array.from(bounds);
}

function oneBit(value: NumberedValue, bit: number, within: Ranges): Always | Test {
  const [whenClear, whenSet] = [contains(within, 0), contains(within, bit)];
  if (whenClear === whenSet || bit === 0) return always(whenClear);
  return { kind: 'test', value, mask: bit, within: whenSet ? between(1, bit) : between(0, 0) };
}

export function negate(symbols: Symbols, formula: Formula): Formula {
  switch (formula.kind) {
    case 'always':
      return always(!formula.value);
    case 'test':
      return test(symbols, formula.value, formula.mask, complement(formula.within));
    case 'comparison':
      return { ...formula, sign: OPPOSITE[formula.sign] };
    case 'all':
    case 'any': {
      const parts = formula.parts.map((part) => negate(symbols, part));
      return formula.kind === 'all' ? any(symbols, parts) : all(symbols, parts);
    }
  }
}

export function all(symbols: Symbols, parts: readonly Formula[]): Formula {
  return join('all', symbols, parts);
}

export function any(symbols: Symbols, parts: readonly Formula[]): Formula {
  return join('any', symbols, parts);
}

/** In their order; tests of one number become one, at the place of the first. */
function join(kind: Joined['kind'], symbols: Symbols, parts: readonly Formula[]): Formula {
  const joined: Formula[] = [];
  const places = new Map<string, number>();
  const combine = kind === 'all' ? intersection : union;
  for (const part of parts.flatMap((one) => (one.kind === kind ? one.parts : [one]))) {
    if (part.kind === 'always') {
      if (part.value === (kind === 'any')) return part;
      continue;
    }
    const key = questionKey(part);
    const place = key === undefined ? undefined : places.get(key);
    const before = place === undefined ? undefined : joined[place];
    if (place === undefined || before === undefined) {
      if (key !== undefined) places.set(key, joined.length);
      if (!joined.includes(part)) joined.push(part);
    } else if (part.kind === 'test' && before.kind === 'test') {
      const both = test(symbols, part.value, part.mask, combine(before.within, part.within));
      if (both.kind === 'always') return both;
      joined[place] = both;
    }
  }
  const [only = always(kind === 'all'), ...more] = joined;
  return more.length === 0 ? only : { kind, parts: joined };
}

/** Of tests, what they ask about; of comparisons all. */
function questionKey(formula: Formula): string | undefined {
  if (formula.kind === 'test') return `${formula.value.id} ${formula.mask}`;
  if (formula.kind === 'comparison') return `${formula.left.id} ${formula.sign} ${formula.right.id}`;
  return undefined;
}

/** Whether the first thing that `one` asks already says no where `other` holds, as far as that is easily seen. */
export function excludes(one: Formula, other: Formula): boolean {
  if (one.kind === 'any') return one.parts.every((part) => excludes(part, other));
  if (other.kind === 'any') return other.parts.every((part) => excludes(one, part));
  if (one.kind === 'all') return one.parts[0] !== undefined && excludes(one.parts[0], other);
  if (other.kind === 'all') return other.parts.some((part) => excludes(one, part));
  if (one.kind !== 'test' || other.kind !== 'test') return false;
  return one.value === other.value && one.mask === other.mask && intersection(one.within, other.within).length === 0;
}

const sizes = new WeakMap<Joined, number>();

/** How many questions it asks. */
export function sizeOf(formula: Formula): number {
  if (formula.kind === 'always') return 0;
  if (formula.kind !== 'all' && formula.kind !== 'any') return 1;
  const known = sizes.get(formula);
  if (known !== undefined) return known;
  const size = formula.parts.reduce((sum, part) => sum + sizeOf(part), 0);
  sizes.set(formula, size);
  return size;
}

/** Calculations of more loads from the packet than this are not written: nobody could read them. */
const MOST_LOADS = 32;

/** The number in a question that is calculated from too many others, if there is one. */
export function longCalculation(question: Question): NumberedValue | undefined {
  const values = question.kind === 'test' ? [question.value] : [question.left, question.right];
  return values.find(({ loads }) => loads.length > MOST_LOADS);
}
