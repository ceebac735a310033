import type { BinaryOperator, MetadataName, Value } from '../ir/ir.js';
import { simplify, simplifyOperation } from '../optimise/simplify.js';
import { type NumberedValue, operandsOf, ValueTable } from '../optimise/values.js';
import { refuse } from './refusal.js';

/** Operands are shared, so that a calculation may double with every instruction. */
const LONGEST_CALCULATION = 20_000;

const COMMUTATIVE: ReadonlySet<BinaryOperator> = new Set(['+', '*', '&', '|', '^']);

/** Constants stand last, others in the order they were met. */
function isAfter(one: NumberedValue, other: NumberedValue): boolean {
  const [isFixed, isOtherFixed] = [one, other].map(({ value }) => value.kind === 'constant');
  return isFixed === isOtherFixed ? one.id > other.id : isFixed === true;
}

/** The numbers a program works with, as calculations over the packet. Equal ones are one object. */
export class Symbols {
  readonly #table = new ValueTable();
  readonly #origins = new Map<NumberedValue, number>();
  readonly #sizes = new WeakMap<Value, number>();

  /** @param tagBeside whether the kernel keeps a VLAN tag beside the packets in question; undefined: of some */
  constructor(private readonly tagBeside?: boolean) {}

  number(value: Value): NumberedValue {
    return this.#table.number(simplify(value, () => undefined));
  }

  constant(value: number): NumberedValue {
    return this.#table.number({ kind: 'constant', value });
  }

  length(): NumberedValue {
    return this.#table.number({ kind: 'length' });
  }

  metadata(name: MetadataName, instruction: number): NumberedValue {
    if (name === 'vlanTagPresent' && this.tagBeside !== undefined) return this.constant(Number(this.tagBeside));
    return this.#measured({ kind: 'metadata', name }, instruction);
  }

  load(base: NumberedValue | undefined, offset: number, size: 1 | 2 | 4, instruction: number): NumberedValue {
    return this.#measured({ kind: 'load', size, base: base?.value, offset }, instruction);
  }

  /** Shifts use the low five bits of their distance, as the machine's. */
  binary(operator: BinaryOperator, left: NumberedValue, right: NumberedValue, instruction: number): NumberedValue {
    const isShift = operator === '<<' || operator === '>>';
    if (isShift && right.value.kind === 'constant') {
      const distance = this.constant(right.value.value & 31).value;
      return this.#measured({ kind: 'binary', operator, left: left.value, right: distance }, instruction);
    }
    const isTurned = COMMUTATIVE.has(operator) && isAfter(left, right);
    const [first, second] = isTurned ? [right.value, left.value] : [left.value, right.value];
    return this.#measured({ kind: 'binary', operator, left: first, right: second }, instruction);
  }

  negate(operand: NumberedValue, instruction: number): NumberedValue {
    return this.#measured({ kind: 'negate', operand: operand.value }, instruction);
  }

  /** The instruction that the number was first calculated at; 0 for what no instruction calculates. */
  instructionOf(value: NumberedValue): number {
    return this.#origins.get(value) ?? 0;
  }

  /** @param value made of numbers of this table */
  #measured(value: Value, instruction: number): NumberedValue {
    if (this.#sizeOf(value) > LONGEST_CALCULATION) {
      refuse('CALCULATION_TOO_LONG', instruction, `calculates with more than ${LONGEST_CALCULATION} numbers at once`);
    }
    const number = this.#table.number(simplifyOperation(value));
    if (!this.#origins.has(number)) this.#origins.set(number, instruction);
    return number;
  }

  #sizeOf(value: Value): number {
    const known = this.#sizes.get(value);
    if (known !== undefined) return known;
    const size = operandsOf(value).reduce((sum, operand) => sum + this.#sizeOf(operand), 1);
    this.#sizes.set(value, size);
    return size;
  }
}
