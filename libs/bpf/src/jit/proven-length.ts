import type { Instruction } from '../instruction.js';
import { BPF, withoutSize } from '../opcodes.js';
import { type Block, successors } from './flow-graph.js';

/**
 * For each block, how many bytes the packet is known to have when it is entered: the least over all ways there of the
 * furthest absolute load on the way, since each load ends the program when it is outside.
 * @param leastBytes known from the start
 */
export function provenLengths(blocks: readonly Block[], leastBytes = 0): Float64Array {
  const proven = new Float64Array(blocks.length).fill(Number.POSITIVE_INFINITY);
  proven[0] = leastBytes;
  for (const [id, { body, exit }] of blocks.entries()) {
    const known = body.reduce((least, instruction) => Math.max(least, loadEnd(instruction)), proven[id] as number);
    for (const next of successors(exit)) proven[next] = Math.min(proven[next] as number, known);
  }
  return proven;
}

/** Where the bytes of an absolute load end; 0 for every other instruction, and for loads of anything but bytes. */
export function loadEnd({ code, k }: Instruction): number {
  if (k >= 0x8000_0000) return 0;
  if (code === (BPF.LDX | BPF.B | BPF.MSH)) return k + 1;
  return withoutSize(code) === (BPF.LD | BPF.ABS) ? k + sizeOf(code) : 0;
}

export function sizeOf(code: number): 1 | 2 | 4 {
  return (code & 0x18) === BPF.W ? 4 : (code & 0x18) === BPF.H ? 2 : 1;
}
