import { BPF, type Instruction, isAncillary, type Program } from '@bpfleet/bpf';
import type { Facts } from './facts.js';
import type { Live } from './liveness.js';
import { packetPart } from './packet-part.js';
import { calculated, constant, decided, isConstant, type Value } from './value.js';

/** Where a packet of which something is known may enter a member: behind what is decided for it already. */
export type Entry = { readonly kind: 'accept' | 'fail' } | { readonly kind: 'at'; readonly pc: number };

/** A and X as the member would have them. */
interface Registers {
  readonly a: Value;
  readonly x: Value;
}

/**
 * Follows a member from its start as long as what is known decides the way, without writing anything; so it ends at the first
 * store. Answers the last instruction on the way in front of which neither A nor X is needed, unless the packets that come
 * here have the same in it.
 */
export function entryOf(program: Program, live: readonly Live[], facts: Facts): Entry {
  let registers: Registers = { a: constant(0), x: constant(0) };
  let entry = 0;
  let pc = 0;
  for (;;) {
    if (pc > 0 && mayEnter(live[pc] as Live, registers, facts)) entry = pc;
    const instruction = program[pc] as Instruction;
    if ((instruction.code & 0x07) === BPF.RET) return returned(instruction, registers) ?? { kind: 'at', pc: entry };
    if ((instruction.code & 0x07) === BPF.JMP) {
      const skip = skipped(instruction, registers);
      if (skip === undefined) return { kind: 'at', pc: entry };
      pc += skip;
    } else {
      const after = stepped(instruction, registers, facts);
      if (after === 'fail') return { kind: 'fail' };
      if (after === undefined) return { kind: 'at', pc: entry };
      registers = after;
    }
    pc++;
  }
}

function mayEnter({ a, x }: Live, registers: Registers, facts: Facts): boolean {
  return (!a || isSame(registers.a, facts.a)) && (!x || isSame(registers.x, facts.x));
}

function isSame(one: Value, other: Value): boolean {
  if (one.name !== undefined) return one.name === other.name;
  return isConstant(one) && isConstant(other) && one.least === other.least;
}

function returned({ code, k }: Instruction, { a }: Registers): Entry | undefined {
  const isNo = decided(BPF.JEQ, code & BPF.A ? a : constant(k), 0);
  return isNo === undefined ? undefined : { kind: isNo ? 'fail' : 'accept' };
}

function skipped({ code, jt, jf, k }: Instruction, { a, x }: Registers): number | undefined {
  if (code === (BPF.JMP | BPF.JA)) return k;
  if (jt === jf) return jt;
  const operand = code & BPF.X ? x : constant(k);
  const holds = isConstant(operand) ? decided(code & 0xf0, a, operand.least) : undefined;
  return holds === undefined ? undefined : holds ? jt : jf;
}

/** The registers behind an instruction; undefined where that is not known without running it. */
function stepped({ code, k }: Instruction, registers: Registers, facts: Facts): Registers | 'fail' | undefined {
  const { a, x } = registers;
  switch (code & 0x07) {
    case BPF.LD:
    case BPF.LDX: {
      const value = loadedValue(code, k, x, facts);
      if (value === undefined || value === 'fail') return value;
      return (code & 0x07) === BPF.LDX ? { a, x: value } : { a: value, x };
    }
    case BPF.MISC:
      return code & BPF.TXA ? { a: x, x } : { a, x: a };
    case BPF.ALU: {
      const operand = code & BPF.X && (code & 0xf0) !== BPF.NEG ? x : constant(k);
      const divides = (code & 0xf0) === BPF.DIV || (code & 0xf0) === BPF.MOD;
      return divides && operand.least === 0 ? undefined : { a: calculated(code & 0xf0, a, operand), x };
    }
    default:
      return undefined;
  }
}

function loadedValue(code: number, k: number, x: Value, facts: Facts): Value | 'fail' | undefined {
  switch (code & 0xe0) {
    case BPF.IMM:
      return constant(k);
    case BPF.LEN:
      return facts.length;
    case BPF.MEM:
      return undefined;
    case BPF.ABS:
      if (isAncillary(k)) return undefined;
      break;
  }
  const part = packetPart(code, k, x);
  if (part === undefined || part.leastEnd > facts.length.most) return 'fail';
  return part.value.name === undefined ? undefined : facts.parts.get(part.value.name);
}
