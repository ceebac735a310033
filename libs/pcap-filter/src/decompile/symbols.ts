import type { BinaryOperator, MetadataName, Value } from '../ir/ir.js';
import { simplify } from '../optimise/simplify.js';
import { type NumberedValue, operandsOf, ValueTable } from '../optimise/values.js';
import { refuse } from './refusal.js';

/** A longer calculation is read by nobody; shared operands would double it with every instruction. */
const LONGEST_CALCULATION = 200;

/** The numbers a program works with, as calculations over the packet. Equal ones are one object. */
export class Symbols {
  readonly #table = new ValueTable();
  readonly #sizes = new WeakMap<Value, number>();

  number(value: Value): NumberedValue {
    return this.#table.number(simplify(value, () => undefined));
  }

  constant(value: number): NumberedValue {
    return this.number({ kind: 'constant', value });
  }

  length(): NumberedValue {
    return this.number({ kind: 'length' });
  }

  metadata(name: MetadataName): NumberedValue {
    return this.number({ kind: 'metadata', name });
  }

  load(base: NumberedValue | undefined, offset: number, size: 1 | 2 | 4, instruction: number): NumberedValue {
    return this.#measured({ kind: 'load', size, base: base?.value, offset }, instruction);
  }

  /** Shifts use the low five bits of their distance, as the machine's. */
  binary(operator: BinaryOperator, left: NumberedValue, right: NumberedValue, instruction: number): NumberedValue {
    const isShift = operator === '<<' || operator === '>>';
    const distance =
      isShift && right.value.kind === 'constant' ? this.constant(right.value.value & 31).value : right.value;
    return this.#measured({ kind: 'binary', operator, left: left.value, right: distance }, instruction);
  }

  negate(operand: NumberedValue, instruction: number): NumberedValue {
    return this.#measured({ kind: 'negate', operand: operand.value }, instruction);
  }

  #measured(value: Value, instruction: number): NumberedValue {
    if (this.#sizeOf(value) > LONGEST_CALCULATION) {
      refuse('CALCULATION_TOO_LONG', instruction, `calculates with more than ${LONGEST_CALCULATION} numbers at once`);
    }
    return this.number(value);
  }

  #sizeOf(value: Value): number {
    const known = this.#sizes.get(value);
    if (known !== undefined) return known;
    const size = operandsOf(value).reduce((sum, operand) => sum + this.#sizeOf(operand), 1);
    this.#sizes.set(value, size);
    return size;
  }
}
