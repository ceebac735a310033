import type { Program } from '../instruction.js';
import { BPF, withoutSize } from '../opcodes.js';

/** The stretch of the packet that is copied to the stack once. */
export interface Region {
  readonly bytes: number;
  /** Offset of packet byte 0 from the frame pointer, chosen so that most loads are aligned. */
  readonly base: number;
  /** Bottom and top of the whole words that the copy lies in. */
  readonly bottom: number;
}

/** Copying pays from three loads on: a call of the helper costs about as much as three of them. */
const LEAST_LOADS = 3;
/** The stack has 512 bytes; what lies farther out is loaded by a call of its own. */
const MOST_BYTES = 256;

/** A load at a fixed place of the packet; undefined for every other instruction. */
export function fixedLoad(code: number, k: number): { readonly offset: number; readonly size: 1 | 2 | 4 } | undefined {
  if (code === (BPF.LDX | BPF.B | BPF.MSH)) return { offset: k, size: 1 };
  if (withoutSize(code) !== (BPF.LD | BPF.ABS)) return undefined;
  return { offset: k, size: sizeOf(code) };
}

export function sizeOf(code: number): 1 | 2 | 4 {
  return (code & 0x18) === BPF.W ? 4 : (code & 0x18) === BPF.H ? 2 : 1;
}

/** What to copy for a program, below the stack offset `top`; undefined where single loads are cheaper. */
export function regionOf(program: Program, top: number): Region | undefined {
  const loads = program
    .flatMap(({ code, k }) => fixedLoad(code, k) ?? [])
    .filter((at) => at.offset + at.size <= MOST_BYTES);
  if (loads.length < LEAST_LOADS) return undefined;
  const bytes = Math.max(...loads.map(({ offset, size }) => offset + size));
  // The verifier wants loads from the stack aligned; after a 14-byte link header the words stand at 4n + 2.
  const misaligned = (shift: number) => loads.filter(({ offset, size }) => (offset + shift) % size !== 0).length;
  const shift = [0, 1, 2, 3].reduce((best, other) => (misaligned(other) < misaligned(best) ? other : best));
  const bottom = top - 8 * Math.ceil((bytes + shift) / 8);
  return { bytes, base: bottom + shift, bottom };
}
