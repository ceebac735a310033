import type { Condition, Test, Value } from '../ir/ir.js';
import { ALL_BITS, onlyMissing, onlyValue, type Ranges } from '../ir/ranges.js';

export const SIGNS = { eq: '==', gt: '>', ge: '>=' } as const;

export function printCondition(condition: Condition): string {
  switch (condition.kind) {
    case 'always':
      return condition.value ? 'always' : 'never';
    case 'test':
      return printTest(condition);
    case 'compare':
      return `${printValue(condition.left)} ${SIGNS[condition.comparison]} ${printValue(condition.right)}`;
    case 'assign':
      return `slot ${condition.slot} := ${printValue(condition.value)}`;
  }
}

export function printTest({ value, mask, within }: Pick<Test, 'value' | 'mask' | 'within'>): string {
  const masked = mask === ALL_BITS ? printValue(value) : `(${printValue(value)} & ${hex(mask)})`;
  const single = onlyValue(within);
  if (single !== undefined) return `${masked} == ${hex(single)}`;
  const hole = onlyMissing(within);
  return hole === undefined ? `${masked} in ${printRanges(within)}` : `${masked} != ${hex(hole)}`;
}

/** A long set is cut: the printed form is for people. */
const SHOWN = 16;

function printRanges(ranges: Ranges): string {
  const parts: string[] = [];
  for (let index = 0; index < Math.min(ranges.length, 2 * SHOWN); index += 2) {
    const [from = 0, to = 0] = [ranges[index], ranges[index + 1]];
    parts.push(from === to ? hex(from) : to === ALL_BITS ? `${hex(from)}-` : `${hex(from)}-${hex(to)}`);
  }
  const more = ranges.length / 2 - SHOWN;
  return `{${parts.join(', ')}${more > 0 ? `, … ${more} more` : ''}}`;
}

export function printValue(value: Value): string {
  switch (value.kind) {
    case 'constant':
      return hex(value.value);
    case 'length':
      return 'len';
    case 'metadata':
      return `@${value.name}`;
    case 'slot':
      return `slot ${value.slot}`;
    case 'load':
      return `[${value.base === undefined ? '' : `${printValue(value.base)} + `}${value.offset}:${value.size}]`;
    case 'negate':
      return `-${printValue(value.operand)}`;
    case 'binary':
      return `(${printValue(value.left)} ${value.operator} ${printValue(value.right)})`;
  }
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
