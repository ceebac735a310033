import { createHash } from 'node:crypto';
import { assembleEbpf, EBPF, encodeEbpf } from '@bpfleet/bpf';
import { closeDescriptor } from '../calls/libc.js';
import { programInfo } from './object-info.js';
import { loadSocketFilter } from './program.js';

/** What the kernel makes program tags with: SHA-1, since 6.18 SHA-256. */
export type TagAlgorithm = 'sha1' | 'sha256';

const INSTRUCTION_BYTES = 8;
/** BPF_PSEUDO_MAP_FD and BPF_PSEUDO_MAP_VALUE, include/uapi/linux/bpf.h: what a source register says of a 64-bit load. */
const MAP_SOURCES: readonly number[] = [1, 2];

/**
 * The tag of a program, as the kernel computes it when the program is loaded (`bpf_prog_calc_tag`): the first 8 bytes of a
 * hash over the instructions as they came, the descriptors of maps zeroed. Hex.
 */
export function tagOf(instructions: Uint8Array, algorithm: TagAlgorithm): string {
  const hashed = Uint8Array.from(instructions);
  for (let at = 0; at < hashed.length; at += INSTRUCTION_BYTES) {
    // The number is in the immediates (the last 4 bytes) of this instruction and of the next, whose code is 0.
    if (hashed[at] !== EBPF.LOAD_64 || !MAP_SOURCES.includes(hashed[at + 1]! >> 4)) continue;
    hashed.fill(0, at + 4, at + 8);
    hashed.fill(0, at + 12, at + 16);
  }
  return createHash(algorithm).update(hashed).digest('hex').slice(0, 16);
}

let found: TagAlgorithm | undefined;

/**
 * Which one this kernel uses, found by loading a program. Undefined: neither, so that tags prove nothing here.
 * @throws BpfleetError `ATTACH_REFUSED` where no program can be loaded
 */
export function tagAlgorithm(): TagAlgorithm | undefined {
  found ??= probe();
  return found;
}

function probe(): TagAlgorithm | undefined {
  const instructions = encodeEbpf(assembleEbpf('w0 = 0\nexit'));
  const fd = loadSocketFilter(instructions);
  try {
    const { tag } = programInfo(fd);
    return (['sha256', 'sha1'] as const).find((algorithm) => tagOf(instructions, algorithm) === tag);
  } finally {
    closeDescriptor(fd);
  }
}
