import type { Program } from '../instruction.js';
import { BPF, SKF_LL_OFF } from '../opcodes.js';
import { fixedLoad } from './region.js';

/** How long the packet is known to be where each instruction starts, from the fixed loads on all ways to it; -1: no way. */
export function provenLengths(program: Program): number[] {
  const proven = program.map((_, index): number => (index === 0 ? 0 : -1));
  for (const [index, { code, jt, jf, k }] of program.entries()) {
    let length = proven[index] as number;
    if (length < 0 || (code & 0x07) === BPF.RET) continue;
    const load = fixedLoad(code, k);
    if (load !== undefined && load.offset < SKF_LL_OFF) length = Math.max(length, load.offset + load.size);
    const reach = (at: number) => {
      const before = proven[at] as number;
      proven[at] = before < 0 ? length : Math.min(before, length);
    };
    const isJump = (code & 0x07) === BPF.JMP;
    const skips = !isJump ? [0] : (code & 0xf0) === BPF.JA ? [k] : [jt, jf];
    for (const skip of skips) reach(index + 1 + skip);
  }
  return proven;
}
