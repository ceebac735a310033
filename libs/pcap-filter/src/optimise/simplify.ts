import { calculate } from '../ir/evaluate.js';
import { binary, constant, type Load, type Value } from '../ir/ir.js';

/** A load here is always outside the packet: no packet is so long. */
export const ALWAYS_OUTSIDE = 0x7fff_fff0;

/**
 * The same number, written shorter: what is constant is worked out, slots whose number is known are replaced by it, and
 * constants in a load's base move into its offset.
 * @param slotValue the number in a slot, where it is known
 */
export function simplify(value: Value, slotValue: (slot: number) => number | undefined): Value {
  switch (value.kind) {
    case 'slot': {
      const known = slotValue(value.slot);
      return known === undefined ? value : constant(known);
    }
    case 'load':
      return simplerLoad(value, value.base && simplify(value.base, slotValue));
    case 'negate':
      return simplerNegation(value, simplify(value.operand, slotValue));
    case 'binary':
      return simplerBinary(value, simplify(value.left, slotValue), simplify(value.right, slotValue));
    default:
      return value;
  }
}

/** As `simplify`, of a value whose operands are simple by now: they are not looked at again, however long they are. */
export function simplifyOperation(value: Value): Value {
  switch (value.kind) {
    case 'load':
      return simplerLoad(value, value.base);
    case 'negate':
      return simplerNegation(value, value.operand);
    case 'binary':
      return simplerBinary(value, value.left, value.right);
    default:
      return value;
  }
}

function simplerNegation(value: Extract<Value, { kind: 'negate' }>, operand: Value): Value {
  if (operand.kind === 'constant') return constant(-operand.value >>> 0);
  return operand === value.operand ? value : { kind: 'negate', operand };
}

function simplerBinary(value: Binary, left: Value, right: Value): Value {
  const folded = fold(value.operator, left, right);
  if (folded !== undefined) return folded;
  return left === value.left && right === value.right ? value : binary(value.operator, left, right);
}

function simplerLoad(load: Load, base: Value | undefined): Load {
  const { size, offset } = load;
  if (base === undefined) return offset > ALWAYS_OUTSIDE ? { ...load, offset: ALWAYS_OUTSIDE } : load;
  if (base.kind === 'constant') {
    const sum = (base.value + offset) >>> 0;
    return { kind: 'load', size, base: undefined, offset: Math.min(sum, ALWAYS_OUTSIDE) };
  }
  if (base.kind === 'binary' && base.operator === '+') {
    if (base.right.kind === 'constant') {
      return { kind: 'load', size, base: base.left, offset: (offset + base.right.value) >>> 0 };
    }
    if (base.left.kind === 'constant') {
      return { kind: 'load', size, base: base.right, offset: (offset + base.left.value) >>> 0 };
    }
  }
  return base === load.base ? load : { kind: 'load', size, base, offset };
}

type Binary = Extract<Value, { kind: 'binary' }>;

function fold(operator: Binary['operator'], left: Value, right: Value): Value | undefined {
  if (right.kind !== 'constant') return undefined;
  const isDivision = operator === '/' || operator === '%';
  if (left.kind === 'constant') {
    return isDivision && right.value === 0 ? undefined : constant(calculate(operator, left.value, right.value));
  }
  const addsNothing = right.value === 0 && ['+', '-', '|', '^', '<<', '>>'].includes(operator);
  if (addsNothing) return left;
  // (v + a) + b
  if (operator === '+' && left.kind === 'binary' && left.operator === '+' && left.right.kind === 'constant') {
    return binary('+', left.left, constant((left.right.value + right.value) >>> 0));
  }
  return undefined;
}
