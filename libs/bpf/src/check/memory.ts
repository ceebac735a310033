import type { Program } from '../instruction.js';
import { BPF } from '../opcodes.js';
import type { CheckFault } from './check-fault.js';

const ALL_WORDS = 0xffff;

/**
 * Every load from M[] must follow a store on each way to it (`check_load_and_stores`).
 * One linear pass, as the kernel does it and with its quirks: a jump hands its set of stored words to its targets
 * and makes the fall-through "anything"; a return does not, so dead code behind a `ret` is judged by the words
 * stored before that `ret`.
 * Takes a program whose jumps and M[] indexes were found valid.
 */
export function checkMemory(program: Program): CheckFault | undefined {
  const storedAt = new Uint16Array(program.length).fill(ALL_WORDS);
  let stored = 0;
  const arrive = (target: number) => {
    storedAt[target] = (storedAt[target] ?? ALL_WORDS) & stored;
  };
  for (const [pc, { code, jt, jf, k }] of program.entries()) {
    stored &= storedAt[pc] ?? ALL_WORDS;
    if (code === BPF.ST || code === BPF.STX) {
      stored |= 1 << k;
    } else if (code === (BPF.LD | BPF.MEM) || code === (BPF.LDX | BPF.MEM)) {
      if (!(stored & (1 << k))) {
        return { rule: 'memory-uninitialised', instruction: pc, message: `M[${k}] is read where it may not be stored` };
      }
    } else if ((code & 0x07) === BPF.JMP) {
      if (code === (BPF.JMP | BPF.JA)) arrive(pc + 1 + k);
      else [jt, jf].forEach((skip) => void arrive(pc + 1 + skip));
      stored = ALL_WORDS;
    }
  }
  return undefined;
}
