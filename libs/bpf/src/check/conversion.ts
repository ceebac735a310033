import type { Instruction, Program } from '../instruction.js';
import { Ancillary, BPF, isAncillary, SKF_AD_OFF } from '../opcodes.js';

/**
 * How long the eBPF is that the kernel makes of classic programs (net/core/filter.c: `bpf_convert_filter`, read in 6.1 and
 * measured on 6.18, on little-endian machines that load unaligned words). It converts every classic program before it runs
 * it, and charges the socket for the result.
 */

/** A and X set to 0, and the context kept; with loads of bytes also the packet's data and the length of its linear part. */
const PROLOGUE = 3;
const LOAD_PROLOGUE = 4;
export const GREATEST_PROLOGUE = PROLOGUE + LOAD_PROLOGUE;

/** `bpf_skb_load_helper_*` called with four arguments, its result tested, and the program's end if it is negative. */
const HELPER_CALL = 8;
/** The length minus the offset compared with the size, the load, a jump past the call. */
const DIRECT_LOAD = 4;
/** The greatest offset that a load instruction has room for. */
const S16_MAX = 32_767;

/** `convert_bpf_extensions`, by offset from `SKF_AD_OFF`. */
const METADATA_LENGTHS: ReadonlyMap<number, number> = new Map([
  [Ancillary.PROTOCOL, 2],
  [Ancillary.PKTTYPE, 2],
  [Ancillary.IFINDEX, 4],
  [Ancillary.HATYPE, 4],
  [Ancillary.MARK, 1],
  [Ancillary.RXHASH, 1],
  [Ancillary.QUEUE, 1],
  [Ancillary.VLAN_TAG, 1],
  [Ancillary.VLAN_TAG_PRESENT, 3],
  [Ancillary.VLAN_TPID, 2],
  [Ancillary.ALU_XOR_X, 1],
  [Ancillary.PAY_OFFSET, 4],
  [Ancillary.NLATTR, 4],
  [Ancillary.NLATTR_NEST, 4],
  [Ancillary.CPU, 4],
  [Ancillary.RANDOM, 4],
]);

/** Instructions of eBPF in front of the first converted one. */
export function prologueLength(program: Program): number {
  return PROLOGUE + (program.some(loadsBytes) ? LOAD_PROLOGUE : 0);
}

/** Instructions of eBPF for one classic instruction. */
export function convertedLengthOf(instruction: Instruction): number {
  const { code, k } = instruction;
  switch (code & 0x07) {
    case BPF.LD:
    case BPF.LDX:
      return loadLength(code, k);
    case BPF.JMP:
      return code === (BPF.JMP | BPF.JA) ? 1 : branchLength(instruction);
    case BPF.RET:
      // A already is the register that eBPF returns.
      return code === (BPF.RET | BPF.A) ? 1 : 2;
    case BPF.ALU: {
      const divides = (code & 0xf0) === BPF.DIV || (code & 0xf0) === BPF.MOD;
      return divides && code & BPF.X ? 5 : 1;
    }
    default:
      return 1;
  }
}

/** Which ways out of a conditional jump become jumps, each with the eBPF instructions in front of it in the conversion. */
export function convertedJumps(
  instruction: Instruction,
): readonly { readonly skip: number; readonly before: number }[] {
  const { jt, jf } = instruction;
  const before = needsRegister(instruction) ? 1 : 0;
  if (jf === 0) return [{ skip: jt, before }];
  if (isInvertible(instruction)) return [{ skip: jf, before }];
  return [
    { skip: jt, before },
    { skip: jf, before: before + 1 },
  ];
}

function branchLength(instruction: Instruction): number {
  const jumps = instruction.jf === 0 || isInvertible(instruction) ? 1 : 2;
  return jumps + (needsRegister(instruction) ? 1 : 0);
}

/** A constant with the top bit set would be sign-extended. */
function needsRegister({ code, k }: Instruction): boolean {
  return !(code & BPF.X) && k >= 0x8000_0000;
}

/** eBPF has the opposite of every test but jset. */
function isInvertible({ code, jt }: Instruction): boolean {
  return jt === 0 && (code & 0xf0) !== BPF.JSET;
}

function loadsBytes({ code, k }: Instruction): boolean {
  if (code === (BPF.LDX | BPF.B | BPF.MSH)) return true;
  if ((code & 0x07) !== BPF.LD) return false;
  return (code & 0xe0) === BPF.IND || ((code & 0xe0) === BPF.ABS && !isAncillary(k));
}

function loadLength(code: number, k: number): number {
  switch (code & 0xe0) {
    case BPF.ABS:
      return isAncillary(k) ? (METADATA_LENGTHS.get(k - SKF_AD_OFF) as number) : absoluteLength(code, k);
    case BPF.IND:
      return HELPER_CALL + (k === 0 ? 0 : 1);
    case BPF.MSH:
      // A is saved and restored around the load of a byte into A.
      return 6 + absoluteLength(BPF.LD | BPF.B | BPF.ABS, k);
    default:
      return 1;
  }
}

function absoluteLength(code: number, k: number): number {
  if (k >= 0x8000_0000) return HELPER_CALL;
  const swap = (code & 0x18) === BPF.B ? 0 : 1;
  return HELPER_CALL + DIRECT_LOAD + swap + (k === 0 ? 0 : 1) + (k > S16_MAX ? 2 : 0);
}
