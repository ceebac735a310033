import type { PacketMetadata } from '@bpfleet/bpf';
import type { Logic } from '../logic.js';
import { calculate } from './evaluate.js';
import type { Condition, Ir, Load, Value } from './ir.js';
import { contains } from './ranges.js';

/** A packet of which not everything is known any more: bytes were cut off, what the kernel kept beside them is gone. */
export interface KnownPacket {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly capturedLength: number;
  readonly wireLength: number;
  /** Members that are left out are not known. */
  readonly metadata?: Partial<PacketMetadata>;
}

/** Undefined: it hangs on what is not known. `outside`: a load behind the packet's end, which ends everything with "no". */
export type Holds = boolean | undefined | 'outside';

/** Filled by what was evaluated before; undefined: with something that is not known. */
export type Slots = Map<number, number | undefined>;

export interface Frame {
  readonly packet: KnownPacket;
  readonly slots: Slots;
  /** Set where something not known may lead outside. */
  mayEnd: boolean;
}

/**
 * Whether a part of an expression holds for a packet, each condition for itself: it may be undecided where a closer look
 * (`interpretThreeValued`) finds that every completion of the packet has one verdict. It is never wrong.
 */
export function holdsThreeValued(ir: Ir, frame: Frame): Holds {
  switch (ir.kind) {
    case 'leaf':
      return conditionHolds(ir.leaf, frame);
    case 'not': {
      const held = holdsThreeValued(ir.operand, frame);
      return typeof held === 'boolean' ? !held : held;
    }
    case 'chain':
      return chainHolds(ir, frame);
  }
}

/** Of `and` and `or`; undefined is undecided. */
export function joinedVerdicts(left: boolean | undefined, operator: 'and' | 'or', right: boolean | undefined) {
  const deciding = operator === 'or';
  if (left === deciding || right === deciding) return deciding;
  return left === undefined || right === undefined ? undefined : !deciding;
}

function chainHolds(chain: Extract<Logic<Condition>, { kind: 'chain' }>, frame: Frame): Holds {
  let result = holdsThreeValued(chain.first, frame);
  for (const { operator, operand } of chain.rest) {
    if (result === 'outside') return result;
    if (result === (operator === 'or')) continue;
    const next = holdsThreeValued(operand, frame);
    // Behind something undecided it is not known whether that is asked.
    if (next === 'outside') result = result === undefined ? undefined : next;
    else result = joinedVerdicts(result, operator, next);
  }
  return result;
}

function conditionHolds(condition: Condition, frame: Frame): Holds {
  switch (condition.kind) {
    case 'always':
      return condition.value;
    case 'assign': {
      const value = amount(condition.value, frame);
      if (value === 'outside') return value;
      frame.slots.set(condition.slot, value);
      return true;
    }
    case 'test': {
      const value = amount(condition.value, frame);
      return typeof value === 'number' ? contains(condition.within, (value & condition.mask) >>> 0) : value;
    }
    case 'compare': {
      const left = amount(condition.left, frame);
      if (left === 'outside') return left;
      const right = amount(condition.right, frame);
      if (typeof right !== 'number') return right;
      if (left === undefined) return left;
      if (condition.comparison === 'eq') return left === right;
      return condition.comparison === 'gt' ? left > right : left >= right;
    }
  }
}

type Amount = number | undefined | 'outside';

function amount(value: Value, frame: Frame): Amount {
  switch (value.kind) {
    case 'constant':
      return value.value;
    case 'length':
      return frame.packet.wireLength;
    case 'metadata': {
      const known = frame.packet.metadata?.[value.name];
      return known === undefined ? undefined : Number(known);
    }
    case 'slot':
      return frame.slots.has(value.slot) ? frame.slots.get(value.slot) : 0;
    case 'load':
      return load(value, frame);
    case 'negate': {
      const operand = amount(value.operand, frame);
      return typeof operand === 'number' ? -operand >>> 0 : operand;
    }
    case 'binary': {
      const left = amount(value.left, frame);
      if (left === 'outside') return left;
      const right = amount(value.right, frame);
      if (right === 'outside') return right;
      const divides = value.operator === '/' || value.operator === '%';
      if (right === 0 && divides) return 'outside';
      if (right === undefined && divides) frame.mayEnd = true;
      return left === undefined || right === undefined ? undefined : calculate(value.operator, left, right);
    }
  }
}

function load({ size, base, offset }: Load, frame: Frame): Amount {
  const from = base === undefined ? 0 : amount(base, frame);
  if (from === undefined) frame.mayEnd = true;
  if (typeof from !== 'number') return from;
  const { bytes, start, capturedLength, wireLength } = frame.packet;
  const at = (from + offset) >>> 0;
  if (at + size > wireLength) return 'outside';
  if (at + size > capturedLength) return undefined;
  let value = 0;
  for (let index = at; index < at + size; index++) value = value * 256 + (bytes[start + index] ?? 0);
  return value;
}
