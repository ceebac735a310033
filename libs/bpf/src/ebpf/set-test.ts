import { BPF } from '../opcodes.js';

/**
 * A conditional jump that no kernel knows: whether A is in the set of number k. Programs on their way to eBPF may hold it
 * (`translateToEbpf`), where it becomes a look-up in a map. The code is one that classic BPF leaves free.
 */
export const SET_TEST = 0xe0;
export const JUMP_IN_SET = BPF.JMP | SET_TEST | BPF.K;
