import type { Packet } from '@bpfleet/bpf';
import type { Logic } from '../logic.js';
import type { BinaryOperator, Condition, Ir, Load, MetadataName, Value } from './ir.js';
import { contains } from './ranges.js';

/** Ends the evaluation with "no", wherever it is. Made once: a stack trace for each would cost more than the evaluation. */
class Outside extends Error {}
const OUTSIDE = new Outside();

interface Frame {
  readonly packet: Packet;
  readonly slots: Map<number, number>;
}
/** Values are read with, and nothing is put into. */
type Reading = Omit<Frame, 'slots'> & { readonly slots: ReadonlyMap<number, number> };

/** Whether the packet matches: the plainest reading of the IR, which every back end is tested against. */
export function evaluate(ir: Ir, packet: Packet): boolean {
  try {
    return holds(ir, { packet, slots: new Map() });
  } catch (error) {
    if (error instanceof Outside) return false;
    throw error;
  }
}

/** A value in this packet, with what is in the slots; undefined where that ends the evaluation. */
export function valueIn(value: Value, packet: Packet, slots: ReadonlyMap<number, number>): number | undefined {
  try {
    return amount(value, { packet, slots });
  } catch (error) {
    if (error instanceof Outside) return undefined;
    throw error;
  }
}

function holds(logic: Logic<Condition>, frame: Frame): boolean {
  switch (logic.kind) {
    case 'leaf':
      return conditionHolds(logic.leaf, frame);
    case 'not':
      return !holds(logic.operand, frame);
    case 'chain': {
      let result = holds(logic.first, frame);
      for (const { operator, operand } of logic.rest) {
        if (result === (operator === 'and')) result = holds(operand, frame);
      }
      return result;
    }
  }
}

function conditionHolds(condition: Condition, frame: Frame): boolean {
  switch (condition.kind) {
    case 'always':
      return condition.value;
    case 'assign':
      frame.slots.set(condition.slot, amount(condition.value, frame));
      return true;
    case 'test':
      return contains(condition.within, (amount(condition.value, frame) & condition.mask) >>> 0);
    case 'compare': {
      const left = amount(condition.left, frame);
      const right = amount(condition.right, frame);
      if (condition.comparison === 'eq') return left === right;
      return condition.comparison === 'gt' ? left > right : left >= right;
    }
  }
}

function amount(value: Value, frame: Reading): number {
  switch (value.kind) {
    case 'constant':
      return value.value;
    case 'length':
      return frame.packet.wireLength;
    case 'metadata':
      return metadataOf(value.name, frame.packet);
    case 'slot':
      return frame.slots.get(value.slot) ?? 0;
    case 'load':
      return load(value, frame);
    case 'negate':
      return -amount(value.operand, frame) >>> 0;
    case 'binary': {
      const left = amount(value.left, frame);
      return calculate(value.operator, left, amount(value.right, frame));
    }
  }
}

function load({ size, base, offset }: Load, frame: Reading): number {
  const { bytes, start, capturedLength } = frame.packet;
  const from = ((base === undefined ? 0 : amount(base, frame)) + offset) >>> 0;
  if (from + size > capturedLength) throw OUTSIDE;
  let value = 0;
  for (let index = from; index < from + size; index++) value = value * 256 + (bytes[start + index] ?? 0);
  return value;
}

function metadataOf(name: MetadataName, { metadata }: Packet): number {
  if (metadata !== undefined) return Number(metadata[name]);
  // As on a Unix socket: no device, which ends a program that asks for it.
  if (name === 'interfaceIndex') throw OUTSIDE;
  return 0;
}

/** Modulo 2^32, as the kernel's machine. */
export function calculate(operator: BinaryOperator, left: number, right: number): number {
  switch (operator) {
    case '+':
      return (left + right) >>> 0;
    case '-':
      return (left - right) >>> 0;
    case '*':
      return Math.imul(left, right) >>> 0;
    case '/':
      if (right === 0) throw OUTSIDE;
      return Math.floor(left / right);
    case '%':
      if (right === 0) throw OUTSIDE;
      return left % right;
    case '&':
      return (left & right) >>> 0;
    case '|':
      return (left | right) >>> 0;
    case '^':
      return (left ^ right) >>> 0;
    case '<<':
      return (left << right) >>> 0;
    case '>>':
      return left >>> right;
  }
}
