import type { Program } from '../instruction.js';
import type { NumberSet } from '../number-set.js';
import { UNDECIDED } from '../run/interpret.js';
import { interpretThreeValued } from '../three-valued/interpret-three-valued.js';
import { jit, type PacketFunction } from './jit.js';

/**
 * As `jit`, for packets that may have been cut: answers what `interpretThreeValued` answers. As long as a packet's way
 * through the program meets no missing byte this is the code of `jit`; only then the slow machine starts over.
 */
export function jitThreeValued(program: Program, sets: readonly NumberSet[] = []): PacketFunction {
  const fast = jit(program, sets);
  return (bytes, start, capturedLength, wireLength, metadata) => {
    const verdict = fast(bytes, start, capturedLength, wireLength, metadata);
    if (verdict !== UNDECIDED) return verdict;
    const packet = { bytes, start, capturedLength, wireLength, ...(metadata && { metadata }) };
    return interpretThreeValued(program, packet, sets);
  };
}
