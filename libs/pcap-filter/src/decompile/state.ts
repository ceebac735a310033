import { Ancillary, BPF, type Instruction, MEMORY_WORDS, SKF_AD_OFF, SKF_LL_OFF, SKF_NET_OFF } from '@bpfleet/bpf';
import { type BinaryOperator, ipv4HeaderBytes, type MetadataName } from '../ir/ir.js';
import type { NumberedValue } from '../optimise/values.js';
import type { LiveWords } from './live-words.js';
import { refuse } from './refusal.js';
import type { Symbols } from './symbols.js';

/** What stands in the registers and in M[] on a way through the program. */
export interface State {
  readonly a: NumberedValue;
  readonly x: NumberedValue;
  readonly memory: readonly NumberedValue[];
}

/** Where every program begins. What M[] holds nobody reads: the checker takes no load before a store. */
export function firstState(symbols: Symbols): State {
  const zero = symbols.constant(0);
  return { a: zero, x: zero, memory: Array<NumberedValue>(MEMORY_WORDS).fill(zero) };
}

/** Equal for two states between which the rest of the program cannot tell. */
export function stateKey({ a, x, memory }: State, live: LiveWords): string {
  const words = memory.map((word, k) => (live.memory[k] ? word.id : ''));
  return `${live.a ? a.id : ''},${live.x ? x.id : ''},${words.join(',')}`;
}

const OPERATORS: Readonly<Record<number, BinaryOperator>> = {
  [BPF.ADD]: '+',
  [BPF.SUB]: '-',
  [BPF.MUL]: '*',
  [BPF.DIV]: '/',
  [BPF.MOD]: '%',
  [BPF.AND]: '&',
  [BPF.OR]: '|',
  [BPF.XOR]: '^',
  [BPF.LSH]: '<<',
  [BPF.RSH]: '>>',
};

/** What X divides by, where the instruction is a division by it: 0 ends the program. */
export function divisorOf({ code }: Instruction, { x }: State): NumberedValue | undefined {
  const isDivision = (code & 0xf0) === BPF.DIV || (code & 0xf0) === BPF.MOD;
  return (code & 0x07) === BPF.ALU && isDivision && code & BPF.X ? x : undefined;
}

/**
 * The state behind an instruction that neither jumps nor returns.
 * @throws CannotSay for loads of what no word of the language reads
 */
export function after(instruction: Instruction, pc: number, state: State, symbols: Symbols): State {
  const { code, k } = instruction;
  switch (code & 0x07) {
    case BPF.LD:
      return { ...state, a: loaded(instruction, pc, state, symbols) };
    case BPF.LDX:
      return { ...state, x: loaded(instruction, pc, state, symbols) };
    case BPF.ST:
      return { ...state, memory: state.memory.with(k, state.a) };
    case BPF.STX:
      return { ...state, memory: state.memory.with(k, state.x) };
    case BPF.ALU:
      return { ...state, a: calculated(instruction, pc, state, symbols) };
    default:
      return code & BPF.TXA ? { ...state, a: state.x } : { ...state, x: state.a };
  }
}

function calculated({ code, k }: Instruction, pc: number, { a, x }: State, symbols: Symbols): NumberedValue {
  const operator = OPERATORS[code & 0xf0];
  if (operator === undefined) return symbols.negate(a, pc);
  return symbols.binary(operator, a, code & BPF.X ? x : symbols.constant(k), pc);
}

function loaded({ code, k }: Instruction, pc: number, { x, memory }: State, symbols: Symbols): NumberedValue {
  const size = (code & 0x18) === BPF.W ? 4 : (code & 0x18) === BPF.H ? 2 : 1;
  switch (code & 0xe0) {
    case BPF.IMM:
      return symbols.constant(k);
    case BPF.MEM:
      return memory[k] ?? symbols.constant(0);
    case BPF.LEN:
      return symbols.length();
    case BPF.MSH:
      return symbols.number(ipv4HeaderBytes(k));
    case BPF.IND:
      return symbols.load(x, k, size, pc);
    default:
      return k >= SKF_LL_OFF ? besideBytes(k, size, pc, symbols) : symbols.load(undefined, k, size, pc);
  }
}

const METADATA: Readonly<Record<number, MetadataName>> = {
  [Ancillary.PKTTYPE]: 'packetType',
  [Ancillary.IFINDEX]: 'interfaceIndex',
  [Ancillary.VLAN_TAG]: 'vlanTci',
  [Ancillary.VLAN_TAG_PRESENT]: 'vlanTagPresent',
};

/** Loads at offsets that mean a header's start, or what the kernel keeps beside the bytes. */
function besideBytes(k: number, size: 1 | 2 | 4, pc: number, symbols: Symbols): NumberedValue {
  if (k < SKF_NET_OFF) return symbols.load(undefined, k - SKF_LL_OFF, size, pc);
  if (k < SKF_AD_OFF) {
    return refuse('HEADER_OFFSET', pc, 'loads from where the kernel found the network header; no word says that');
  }
  const name = METADATA[k - SKF_AD_OFF];
  if (name !== undefined) return symbols.metadata(name, pc);
  return refuse(
    'METADATA',
    pc,
    `loads the kernel’s metadata at SKF_AD_OFF + ${k - SKF_AD_OFF}; no word says that alone`,
  );
}
