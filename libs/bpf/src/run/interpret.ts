import { BpfleetError } from '@bpfleet/errors';
import type { Program } from '../instruction.js';
import { contains, type NumberSet } from '../number-set.js';
import { BPF, MEMORY_WORDS, SKF_AD_OFF } from '../opcodes.js';
import { JUMP_IN_SET } from '../set-test.js';
import { loadAncillary, loadBytes, OUTSIDE, UNKNOWN } from './load.js';
import type { Packet } from './packet.js';

/** The verdict when the program asks for a byte that was on the wire but was not captured. */
export const UNDECIDED = -1;

/**
 * Runs a classic program on one packet, as the kernel does: the reference every other machine is tested against.
 * Returns the program's value, 0 for "no" (also after a load outside the packet or a division by X = 0), or UNDECIDED.
 * `sets` are what `JUMP_IN_SET` looks in. Offsets [x + k] are added modulo 2^32, shifts use the low five bits: the kernel's answers, not libpcap's.
 * @throws BpfleetError `PROGRAM_INVALID` for what `checkProgram` refuses, when it is reached; every program ends,
 *   because jumps only go forward
 */
export function interpret(program: Program, packet: Packet, sets: readonly NumberSet[] = []): number {
  const memory = new Uint32Array(MEMORY_WORDS);
  let a = 0;
  let x = 0;
  for (let pc = 0; ; pc++) {
    const instruction = program[pc];
    if (instruction === undefined) throw new BpfleetError('PROGRAM_INVALID', `the program runs past its end to ${pc}`);
    const { code, jt, jf, k } = instruction;
    let loaded: number | undefined;
    switch (code) {
      case BPF.RET | BPF.K:
        return k;
      case BPF.RET | BPF.A:
        return a;
      case BPF.LD | BPF.W | BPF.ABS:
      case BPF.LD | BPF.H | BPF.ABS:
      case BPF.LD | BPF.B | BPF.ABS:
        loaded = k >= SKF_AD_OFF ? loadAncillary(packet.metadata, k, a, x) : loadBytes(packet, k, sizeOf(code));
        if (loaded === OUTSIDE) return 0;
        if (loaded === UNKNOWN) return UNDECIDED;
        a = loaded;
        break;
      case BPF.LD | BPF.W | BPF.IND:
      case BPF.LD | BPF.H | BPF.IND:
      case BPF.LD | BPF.B | BPF.IND:
        loaded = loadBytes(packet, (x + k) >>> 0, sizeOf(code));
        if (loaded === OUTSIDE) return 0;
        if (loaded === UNKNOWN) return UNDECIDED;
        a = loaded;
        break;
      case BPF.LDX | BPF.B | BPF.MSH:
        loaded = loadBytes(packet, k, 1);
        if (loaded === OUTSIDE) return 0;
        if (loaded === UNKNOWN) return UNDECIDED;
        x = (loaded & 0xf) * 4;
        break;
      case BPF.LD | BPF.W | BPF.LEN:
        a = packet.wireLength;
        break;
      case BPF.LDX | BPF.W | BPF.LEN:
        x = packet.wireLength;
        break;
      case BPF.LD | BPF.IMM:
        a = k;
        break;
      case BPF.LDX | BPF.IMM:
        x = k;
        break;
      case BPF.LD | BPF.MEM:
        a = memory[k] ?? 0;
        break;
      case BPF.LDX | BPF.MEM:
        x = memory[k] ?? 0;
        break;
      case BPF.ST:
        memory[k] = a;
        break;
      case BPF.STX:
        memory[k] = x;
        break;
      case BPF.MISC | BPF.TAX:
        x = a;
        break;
      case BPF.MISC | BPF.TXA:
        a = x;
        break;
      case BPF.JMP | BPF.JA:
        pc += k;
        break;
      default: {
        const operand = code & BPF.X ? x : k;
        if (code === JUMP_IN_SET) {
          pc += contains(setOf(sets, k), a) ? jt : jf;
        } else if ((code & 0x07) === BPF.JMP) {
          pc += holds(code & 0xf0, a, operand) ? jt : jf;
        } else if ((code & 0x07) === BPF.ALU) {
          const result = calculate(code & 0xf0, a, operand);
          if (result === undefined) return 0;
          a = result;
        } else {
          throw new BpfleetError('PROGRAM_INVALID', `unknown opcode 0x${code.toString(16)} at ${pc}`);
        }
      }
    }
  }
}

/** @throws BpfleetError `PROGRAM_INVALID` */
export function setOf(sets: readonly NumberSet[], number: number): NumberSet {
  const set = sets[number];
  if (set === undefined) throw new BpfleetError('PROGRAM_INVALID', `there is no set ${number}`);
  return set;
}

function sizeOf(code: number): number {
  return (code & 0x18) === BPF.W ? 4 : (code & 0x18) === BPF.H ? 2 : 1;
}

function holds(test: number, a: number, operand: number): boolean {
  switch (test) {
    case BPF.JEQ:
      return a === operand;
    case BPF.JGT:
      return a > operand;
    case BPF.JGE:
      return a >= operand;
    case BPF.JSET:
      return (a & operand) !== 0;
    default:
      throw new BpfleetError('PROGRAM_INVALID', `unknown jump 0x${test.toString(16)}`);
  }
}

/** An operation of the ALU on unsigned numbers; undefined for a division by zero, which ends the program. */
export function calculate(operation: number, a: number, operand: number): number | undefined {
  switch (operation) {
    case BPF.ADD:
      return (a + operand) >>> 0;
    case BPF.SUB:
      return (a - operand) >>> 0;
    case BPF.MUL:
      return Math.imul(a, operand) >>> 0;
    case BPF.DIV:
      return operand === 0 ? undefined : Math.floor(a / operand);
    case BPF.MOD:
      return operand === 0 ? undefined : a % operand;
    case BPF.AND:
      return (a & operand) >>> 0;
    case BPF.OR:
      return (a | operand) >>> 0;
    case BPF.XOR:
      return (a ^ operand) >>> 0;
    case BPF.LSH:
      return (a << operand) >>> 0;
    case BPF.RSH:
      return a >>> operand;
    case BPF.NEG:
      return -a >>> 0;
    default:
      throw new BpfleetError('PROGRAM_INVALID', `unknown operation 0x${operation.toString(16)}`);
  }
}
