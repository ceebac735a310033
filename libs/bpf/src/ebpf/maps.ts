import { EBPF, type EbpfProgram } from './instruction.js';

/** A map that a program needs, with what is in it. Instructions name maps by their place in the list. */
export interface EbpfMap {
  readonly kind: 'hash' | 'lpm' | 'array';
  readonly keyBytes: number;
  readonly valueBytes: number;
  readonly entries: number;
  /** One after the other; of an array none, since they are 0 to `entries` - 1. */
  readonly keys: Uint8Array;
}

/** A program for the extended machine with its maps, as BPF_MAP_CREATE and BPF_PROG_LOAD want them. */
export interface EbpfFilter {
  readonly program: EbpfProgram;
  readonly maps: readonly EbpfMap[];
}

/** `BPF_PSEUDO_MAP_FD`: the source register of a 64-bit load that says that its number is a map's descriptor. */
const PSEUDO_MAP_FD = 1;

/** The two instructions that bring a map's address into a register; the loader puts its descriptor into the first. */
export function loadMap(dst: number, map: number): EbpfProgram {
  const none = { dst: 0, src: 0, off: 0, imm: 0 };
  return [
    { code: EBPF.LOAD_64, dst, src: PSEUDO_MAP_FD, off: 0, imm: map },
    { code: 0, ...none },
  ];
}

/** The program with the descriptors of maps that were made in place of their numbers. */
export function withDescriptors(program: EbpfProgram, descriptors: readonly number[]): EbpfProgram {
  return program.map((instruction) => {
    if (instruction.code !== EBPF.LOAD_64 || instruction.src !== PSEUDO_MAP_FD) return instruction;
    return { ...instruction, imm: descriptors[instruction.imm] ?? -1 };
  });
}

/** How many single numbers a range may stand for before prefixes serve better. */
const MOST_NUMBERS_PER_RANGE = 4;
const IPV4_BITS = 32;
/** `struct bpf_lpm_trie_key`: the prefix's length in the host's byte order, then the number, big-endian. */
const LPM_KEY_BYTES = 8;

/**
 * A set of 32-bit numbers as a map: a hash of the numbers themselves, or, where its ranges are wide, an LPM trie of the
 * prefixes they are made of.
 * @param ranges sorted and disjoint, `[from0, to0, from1, to1, …]`, both ends belonging
 */
export function mapOfSet(ranges: Uint32Array): EbpfMap {
  let numbers = 0;
  for (let index = 0; index < ranges.length; index += 2) numbers += 1 + (ranges[index + 1] ?? 0) - (ranges[index] ?? 0);
  return numbers <= (MOST_NUMBERS_PER_RANGE * ranges.length) / 2 ? hashOf(ranges, numbers) : trieOf(ranges);
}

function hashOf(ranges: Uint32Array, entries: number): EbpfMap {
  const keys = new Uint32Array(entries);
  let length = 0;
  for (let index = 0; index < ranges.length; index += 2) {
    for (let number = ranges[index] ?? 0; number <= (ranges[index + 1] ?? 0); number++) keys[length++] = number;
  }
  return { kind: 'hash', keyBytes: 4, valueBytes: 1, entries, keys: new Uint8Array(keys.buffer) };
}

function trieOf(ranges: Uint32Array): EbpfMap {
  const prefixes: [number: number, bits: number][] = [];
  for (let index = 0; index < ranges.length; index += 2) {
    addPrefixes(ranges[index] ?? 0, ranges[index + 1] ?? 0, prefixes);
  }
  const keys = new Uint8Array(prefixes.length * LPM_KEY_BYTES);
  const view = new DataView(keys.buffer);
  for (const [index, [number, bits]] of prefixes.entries()) {
    view.setUint32(index * LPM_KEY_BYTES, bits, true);
    view.setUint32(index * LPM_KEY_BYTES + 4, number, false);
  }
  return { kind: 'lpm', keyBytes: LPM_KEY_BYTES, valueBytes: 1, entries: prefixes.length, keys };
}

/** The fewest prefixes that make up a range: from its start always the largest block that is aligned and fits. */
function addPrefixes(from: number, to: number, prefixes: [number, number][]): void {
  let next = from;
  while (next <= to) {
    let size = next === 0 ? 2 ** IPV4_BITS : (next & -next) >>> 0;
    while (next + size - 1 > to) size /= 2;
    prefixes.push([next, IPV4_BITS - Math.log2(size)]);
    next += size;
  }
}
