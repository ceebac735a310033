import type { Load, Value } from '../ir/ir.js';
import { exactly, type Knowledge, nothingKnown } from './knowledge.js';

/** What the passes ask about a value, worked out once. Equal values have one entry. */
export interface NumberedValue {
  readonly id: number;
  readonly value: Value;
  /** Where its own load ends, at a fixed place; infinite behind a value, 0 where it loads nothing. */
  readonly end: number;
  /** Its own load and those it is made of, the inner ones first. */
  readonly loads: readonly NumberedValue[];
  /** Of the slots that it reads. */
  readonly slots: readonly number[];
  /** The largest number it can be. */
  readonly largest: number;
  /** What is known of it before any test. */
  readonly initially: Knowledge;
}

/** Gives equal values one number. One table for each compilation. */
export class ValueTable {
  readonly #byKey = new Map<string, NumberedValue>();
  readonly #byValue = new Map<Value, NumberedValue>();

  readonly #byId: NumberedValue[] = [];

  /** Whether the value of this number is made from the slot. */
  readsSlot(id: number, slot: number): boolean {
    return this.#byId[id]?.slots.includes(slot) ?? false;
  }

  number(value: Value): NumberedValue {
    const known = this.#byValue.get(value);
    if (known !== undefined) return known;
    const key = this.#keyOf(value);
    let numbered = this.#byKey.get(key);
    if (numbered === undefined) {
      // Its operands may be numbered on the way, so the number is taken last.
      numbered = this.#describe(value);
      this.#byKey.set(key, numbered);
      this.#byId.push(numbered);
    }
    this.#byValue.set(value, numbered);
    return numbered;
  }

  #keyOf(value: Value): string {
    switch (value.kind) {
      case 'constant':
        return `#${value.value}`;
      case 'length':
        return 'len';
      case 'metadata':
        return `@${value.name}`;
      case 'slot':
        return `s${value.slot}`;
      case 'load':
        return `[${value.base === undefined ? '' : this.number(value.base).id}+${value.offset}:${value.size}`;
      case 'negate':
        return `-${this.number(value.operand).id}`;
      case 'binary':
        return `${this.number(value.left).id}${value.operator}${this.number(value.right).id}`;
    }
  }

  #describe(value: Value): NumberedValue {
    const loads: NumberedValue[] = [];
    const slots = value.kind === 'slot' ? [value.slot] : [];
    for (const operand of operandsOf(value)) {
      const inner = this.number(operand);
      loads.push(...inner.loads);
      for (const slot of inner.slots) if (!slots.includes(slot)) slots.push(slot);
    }
    const canFail = value.kind === 'load' || isDivision(value) || isMissable(value);
    const end = canFail ? endOf(value) : 0;
    const largest = largestOf(value);
    const initially = value.kind === 'constant' ? exactly(value.value) : nothingKnown(largest);
    const numbered = { id: this.#byId.length, value, end, loads, slots, largest, initially };
    if (canFail) loads.push(numbered);
    return numbered;
  }
}

/** By what may be 0: it counts as a load that no other load covers. */
function isDivision(value: Value): boolean {
  if (value.kind !== 'binary' || (value.operator !== '/' && value.operator !== '%')) return false;
  return value.right.kind !== 'constant' || value.right.value === 0;
}

/** A packet without a device has no interface index, which ends the program (`SKF_AD_IFINDEX`). */
function isMissable(value: Value): boolean {
  return value.kind === 'metadata' && value.name === 'interfaceIndex';
}

export function operandsOf(value: Value): readonly Value[] {
  switch (value.kind) {
    case 'load':
      return value.base === undefined ? [] : [value.base];
    case 'negate':
      return [value.operand];
    case 'binary':
      return [value.left, value.right];
    default:
      return [];
  }
}

function endOf(value: Value): number {
  return value.kind === 'load' && value.base === undefined ? value.offset + value.size : Number.POSITIVE_INFINITY;
}

const LARGEST: Readonly<Record<Load['size'], number>> = { 1: 0xff, 2: 0xffff, 4: 0xffff_ffff };

function largestOf(value: Value): number {
  if (value.kind === 'load') return LARGEST[value.size];
  if (value.kind === 'constant') return value.value;
  if (value.kind === 'binary' && value.operator === '&' && value.right.kind === 'constant') return value.right.value;
  return 0xffff_ffff;
}
