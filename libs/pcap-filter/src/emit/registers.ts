import { Ancillary, BPF, type Instruction, SKF_AD_OFF, statement } from '@bpfleet/bpf';
import type { BinaryOperator, Load, MetadataName, Value } from '../ir/ir.js';
import { ALL_BITS } from '../ir/ranges.js';
import type { NumberedValue, ValueTable } from '../optimise/values.js';

/** What stands in A and X; undefined: not known. */
export interface Registers {
  /** The value's number, and the mask that was put on it. */
  readonly a: { readonly id: number; readonly mask: number } | undefined;
  readonly x: number | undefined;
}

export const UNKNOWN: Registers = { a: undefined, x: undefined };

/** What holds whichever way was taken. */
export function meetRegisters(one: Registers, other: Registers): Registers {
  const sameA = one.a?.id === other.a?.id && one.a?.mask === other.a?.mask;
  return { a: sameA ? one.a : undefined, x: one.x === other.x ? one.x : undefined };
}

const OPERATIONS: Readonly<Record<BinaryOperator, number>> = {
  ...{ '+': BPF.ADD, '-': BPF.SUB, '*': BPF.MUL, '/': BPF.DIV, '%': BPF.MOD },
  ...{ '&': BPF.AND, '|': BPF.OR, '^': BPF.XOR, '<<': BPF.LSH, '>>': BPF.RSH },
};
const COMMUTES: ReadonlySet<BinaryOperator> = new Set(['+', '*', '&', '|', '^']);

const ANCILLARY: Readonly<Record<MetadataName, number>> = {
  protocol: Ancillary.PROTOCOL,
  packetType: Ancillary.PKTTYPE,
  interfaceIndex: Ancillary.IFINDEX,
  vlanTci: Ancillary.VLAN_TAG,
  vlanTagPresent: Ancillary.VLAN_TAG_PRESENT,
  vlanProtocol: Ancillary.VLAN_TPID,
};

/** Where slots and values kept for later stand in M[]; what is between and above is free for intermediate results. */
export interface Words {
  wordOfSlot(slot: number): number;
  readonly firstFree: number;
}

/** Writes the instructions that bring values into A and X, and knows what stands there. */
export class RegisterCode {
  readonly instructions: Instruction[] = [];
  /** The most words of M[] that were needed at once. */
  wordsUsed: number;
  #free: number;

  constructor(
    private readonly values: ValueTable,
    private readonly words: Words,
    public registers: Registers,
    /** Values that stand in M[] on every way here. */
    private readonly kept: ReadonlyMap<number, number> = NONE,
  ) {
    this.#free = words.firstFree;
    this.wordsUsed = words.firstFree;
  }

  /** Brings the value under the mask into A. */
  toA(numbered: NumberedValue, mask = ALL_BITS): void {
    const { a } = this.registers;
    if (a?.id === numbered.id && a.mask === mask) return;
    if (a?.id !== numbered.id || a.mask !== ALL_BITS) this.#load(numbered);
    if (mask === ALL_BITS) return;
    this.#write(statement(BPF.ALU | BPF.AND | BPF.K, mask));
    this.#setA({ id: numbered.id, mask });
  }

  /** Brings `left` into A and `right` into X. */
  toAAndX(left: NumberedValue, right: NumberedValue): void {
    if (this.#canGoToXBehind(left, right)) {
      this.toA(left);
      this.#toX(right);
    } else if (!usesX(left.value)) {
      this.#toX(right);
      this.toA(left);
    } else {
      this.toA(right);
      const word = this.#free++;
      this.wordsUsed = Math.max(this.wordsUsed, this.#free);
      this.#write(statement(BPF.ST, word));
      this.toA(left);
      this.#write(statement(BPF.LDX | BPF.MEM, word));
      this.registers = { a: this.registers.a, x: right.id };
      this.#free--;
    }
  }

  /** Keeps A in a word. */
  store(word: number): void {
    this.#write(statement(BPF.ST, word));
  }

  #load(numbered: NumberedValue): void {
    const { value, id } = numbered;
    const kept = this.kept.get(id);
    if (kept !== undefined) {
      this.#write(statement(BPF.LD | BPF.MEM, kept));
      this.#setA({ id, mask: ALL_BITS });
      return;
    }
    if (this.registers.x === id) {
      this.#write(statement(BPF.MISC | BPF.TXA, 0));
      this.#setA({ id, mask: ALL_BITS });
      return;
    }
    switch (value.kind) {
      case 'constant':
        this.#write(statement(BPF.LD | BPF.IMM, value.value));
        break;
      case 'length':
        this.#write(statement(BPF.LD | BPF.W | BPF.LEN, 0));
        break;
      case 'metadata':
        this.#write(statement(BPF.LD | BPF.W | BPF.ABS, SKF_AD_OFF + ANCILLARY[value.name]));
        break;
      case 'slot':
        this.#write(statement(BPF.LD | BPF.MEM, this.words.wordOfSlot(value.slot)));
        break;
      case 'load':
        this.#loadBytes(value);
        break;
      case 'negate':
        this.toA(this.values.number(value.operand));
        this.#write(statement(BPF.ALU | BPF.NEG, 0));
        break;
      case 'binary':
        this.#calculate(value);
    }
    this.#setA({ id, mask: ALL_BITS });
  }

  #loadBytes({ base, size, offset }: Load): void {
    const code = BPF.LD | (size === 4 ? BPF.W : size === 2 ? BPF.H : BPF.B);
    if (base === undefined) {
      this.#write(statement(code | BPF.ABS, offset));
      return;
    }
    this.#toX(this.values.number(base));
    this.#write(statement(code | BPF.IND, offset));
  }

  #calculate({ operator, left, right }: Extract<Value, { kind: 'binary' }>): void {
    const [a, b] = [this.values.number(left), this.values.number(right)];
    if (right.kind === 'constant') {
      this.toA(a);
      this.#write(statement(BPF.ALU | OPERATIONS[operator] | BPF.K, right.value));
      return;
    }
    const isTurned =
      COMMUTES.has(operator) && !this.#canGoToXBehind(a, b) && (this.#canGoToXBehind(b, a) || !usesX(right));
    this.toAAndX(isTurned ? b : a, isTurned ? a : b);
    this.#write(statement(BPF.ALU | OPERATIONS[operator] | BPF.X, 0));
  }

  #toX(numbered: NumberedValue): void {
    if (this.registers.x === numbered.id) return;
    const direct = this.#xInstruction(numbered);
    if (direct === undefined) {
      this.toA(numbered);
      this.#write(statement(BPF.MISC | BPF.TAX, 0));
    } else {
      this.#write(direct);
    }
    this.registers = { a: this.registers.a, x: numbered.id };
  }

  /** Whether X can get the value when `first` is in A, without changing A. What stands in X may have to go for `first`. */
  #canGoToXBehind(first: NumberedValue, numbered: NumberedValue): boolean {
    if (this.#xInstruction(numbered) !== undefined) return true;
    const { a, x } = this.registers;
    const isThere = a?.id === first.id && a.mask === ALL_BITS;
    return x === numbered.id && (isThere || !usesX(first.value));
  }

  /** The one instruction that brings the value into X without A. */
  #xInstruction({ value, id }: NumberedValue): Instruction | undefined {
    const kept = this.kept.get(id);
    if (kept !== undefined) return statement(BPF.LDX | BPF.MEM, kept);
    switch (value.kind) {
      case 'constant':
        return statement(BPF.LDX | BPF.IMM, value.value);
      case 'length':
        return statement(BPF.LDX | BPF.W | BPF.LEN, 0);
      case 'slot':
        return statement(BPF.LDX | BPF.MEM, this.words.wordOfSlot(value.slot));
      default: {
        const at = headerLengthAt(value);
        return at === undefined ? undefined : statement(BPF.LDX | BPF.B | BPF.MSH, at);
      }
    }
  }

  #write(instruction: Instruction): void {
    this.instructions.push(instruction);
  }

  #setA(a: Registers['a']): void {
    this.registers = { a, x: this.registers.x };
  }
}

const NONE: ReadonlyMap<number, number> = new Map();

/** `4*([k]&0xf)` with a fixed k: what `ldxb` knows. */
export function headerLengthAt(value: Value): number | undefined {
  if (value.kind !== 'binary' || value.operator !== '<<' || !isConstant(value.right, 2)) return undefined;
  const { left } = value;
  if (left.kind !== 'binary' || left.operator !== '&' || !isConstant(left.right, 0xf)) return undefined;
  const first = left.left;
  return first.kind === 'load' && first.size === 1 && first.base === undefined ? first.offset : undefined;
}

function isConstant(value: Value, number: number): boolean {
  return value.kind === 'constant' && value.value === number;
}

/** Whether working the value out changes X. */
function usesX(value: Value): boolean {
  switch (value.kind) {
    case 'load':
      return value.base !== undefined;
    case 'negate':
      return usesX(value.operand);
    case 'binary':
      return value.right.kind !== 'constant' || usesX(value.left);
    default:
      return false;
  }
}
