import { BPF } from '@bpfleet/bpf';

/** What is known of a 32-bit word on every way to a place in the program. */
export interface Value {
  readonly least: number;
  readonly most: number;
  /** Single values in between that it does not have. */
  readonly except?: readonly number[];
  /** Which part of the packet it is, where it is one: two words of the same name are equal. */
  readonly name?: string;
}

/** A few tell members apart by protocol; the hundreds that a list of addresses leaves behind would tell nothing. */
const MOST_EXCEPTIONS = 8;

const MAX = 0xffff_ffff;
export const ANY: Value = { least: 0, most: MAX };
/** The name of the packet's length. */
export const LENGTH = 'length';

export const constant = (k: number): Value => ({ least: k, most: k });
export const upTo = (most: number, name?: string): Value => ({ least: 0, most, ...(name !== undefined && { name }) });
export const isConstant = ({ least, most }: Value): boolean => least === most;

/** What holds where two ways join. */
export function join(one: Value, other: Value): Value {
  if (one === other) return one;
  const except = [...(one.except ?? []), ...(other.except ?? [])].filter(
    (value) => lacks(one, value) && lacks(other, value),
  );
  return {
    least: Math.min(one.least, other.least),
    most: Math.max(one.most, other.most),
    ...(except.length > 0 && { except: [...new Set(except)].slice(0, MOST_EXCEPTIONS) }),
    ...(one.name !== undefined && one.name === other.name && { name: one.name }),
  };
}

/** Whether no word has both. */
export function areDisjoint(one: Value, other: Value): boolean {
  if (one.most < other.least || other.most < one.least) return true;
  return (isConstant(one) && lacks(other, one.least)) || (isConstant(other) && lacks(one, other.least));
}

function lacks({ least, most, except }: Value, value: number): boolean {
  return value < least || value > most || (except?.includes(value) ?? false);
}

/** An operation of the ALU; a result that may wrap is anything. The divisor, where there is one, is not 0. */
export function calculated(operation: number, a: Value, operand: Value): Value {
  switch (operation) {
    case BPF.ADD:
      return within(a.least + operand.least, a.most + operand.most);
    case BPF.SUB:
      return within(a.least - operand.most, a.most - operand.least);
    case BPF.MUL:
      return within(a.least * operand.least, a.most * operand.most);
    case BPF.DIV:
      return within(Math.floor(a.least / operand.most), Math.floor(a.most / Math.max(1, operand.least)));
    case BPF.MOD:
      return a.most < operand.least ? { least: a.least, most: a.most } : upTo(Math.min(a.most, operand.most - 1));
    case BPF.AND:
      return upTo(Math.min(a.most, operand.most));
    case BPF.OR:
      return { least: Math.max(a.least, operand.least), most: allOnes(Math.max(a.most, operand.most)) };
    case BPF.XOR:
      return upTo(allOnes(Math.max(a.most, operand.most)));
    case BPF.LSH:
      // Shifts use five bits of X, so only a constant one says more than nothing.
      return isConstant(operand)
        ? within(a.least * 2 ** (operand.least & 31), a.most * 2 ** (operand.least & 31))
        : ANY;
    case BPF.RSH:
      return isConstant(operand) ? { least: a.least >>> operand.least, most: a.most >>> operand.least } : upTo(a.most);
    default:
      return ANY;
  }
}

/** Whether a test of the word with a constant holds; undefined where it depends. */
export function decided(test: number, value: Value, k: number): boolean | undefined {
  const { least, most } = value;
  switch (test) {
    case BPF.JEQ:
      return lacks(value, k) ? false : least === most ? true : undefined;
    case BPF.JGT:
      return least > k ? true : most <= k ? false : undefined;
    case BPF.JGE:
      return least >= k ? true : most < k ? false : undefined;
    default:
      return least === most ? (least & k) !== 0 : k === 0 ? false : undefined;
  }
}

/** The range that is left of a word after a test of it with a constant, which was not decided before. */
export function tested(test: number, value: Value, k: number, holds: boolean): Value {
  const { least, most } = value;
  switch (test) {
    case BPF.JEQ:
      if (holds) return { ...value, least: k, most: k };
      return without(value, k);
    case BPF.JGT:
      return holds ? { ...value, least: Math.max(least, k + 1) } : { ...value, most: Math.min(most, k) };
    case BPF.JGE:
      return holds ? { ...value, least: Math.max(least, k) } : { ...value, most: Math.min(most, k - 1) };
    default:
      return holds ? { ...value, least: Math.max(least, 1) } : value;
  }
}

function without(value: Value, k: number): Value {
  const { least, most, except = [] } = value;
  if (k === least) return { ...value, least: k + 1 };
  if (k === most) return { ...value, most: k - 1 };
  return except.length < MOST_EXCEPTIONS ? { ...value, except: [...except, k] } : value;
}

function within(least: number, most: number): Value {
  return least >= 0 && most <= MAX ? { least, most } : ANY;
}

function allOnes(most: number): number {
  return 2 ** (32 - Math.clz32(most)) - 1;
}
