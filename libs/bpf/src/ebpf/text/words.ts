import { BPF } from '../../opcodes.js';
import { EBPF, Helper } from '../instruction.js';

/** `BPF_ARSH`: shifts the sign along. */
const ARSH = 0xc0;

/** How the kernel's verifier writes operations (kernel/bpf/disasm.c). */
export const ASSIGNMENTS: ReadonlyMap<number, string> = new Map([
  [BPF.ADD, '+='],
  [BPF.SUB, '-='],
  [BPF.MUL, '*='],
  [BPF.DIV, '/='],
  [BPF.OR, '|='],
  [BPF.AND, '&='],
  [BPF.LSH, '<<='],
  [BPF.RSH, '>>='],
  [BPF.MOD, '%='],
  [BPF.XOR, '^='],
  [EBPF.MOV, '='],
  [ARSH, 's>>='],
]);

export const COMPARISONS: ReadonlyMap<number, string> = new Map([
  [BPF.JEQ, '=='],
  [BPF.JGT, '>'],
  [BPF.JGE, '>='],
  [BPF.JSET, '&'],
  [EBPF.JNE, '!='],
  [0x60, 's>'],
  [0x70, 's>='],
  [EBPF.JLT, '<'],
  [EBPF.JLE, '<='],
  [0xc0, 's<'],
  [0xd0, 's<='],
]);

export const SIZES: ReadonlyMap<number, string> = new Map([
  [BPF.W, 'u32'],
  [BPF.H, 'u16'],
  [BPF.B, 'u8'],
  [EBPF.DW, 'u64'],
]);

export const HELPER_NAMES: ReadonlyMap<number, string> = new Map([
  [Helper.MAP_LOOKUP_ELEM, 'bpf_map_lookup_elem'],
  [Helper.GET_PRANDOM_U32, 'bpf_get_prandom_u32'],
  [Helper.GET_SMP_PROCESSOR_ID, 'bpf_get_smp_processor_id'],
  [Helper.SKB_LOAD_BYTES, 'bpf_skb_load_bytes'],
]);

/** The source register of a 64-bit load says what its number is (`BPF_PSEUDO_MAP_FD`): here a map of the filter. */
export const MAP = 1;

/** The key of a word in one of the tables. */
export function keyOf(table: ReadonlyMap<number, string>, word: string): number | undefined {
  for (const [key, known] of table) if (known === word) return key;
  return undefined;
}
