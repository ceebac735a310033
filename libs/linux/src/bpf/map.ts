import { addressOf, succeed } from '../calls/libc.js';
import { bpf, Command } from './bpf-call.js';

/** `enum bpf_map_type`. */
const TYPES = { hash: 1, array: 2, lpm: 11 } as const;
/** The kernel demands it of LPM tries (`trie_alloc`). */
const BPF_F_NO_PREALLOC = 1;

export interface MapShape {
  readonly kind: keyof typeof TYPES;
  /** For `lpm` with the four bytes of the prefix length that stand before the address. */
  readonly keyBytes: number;
  readonly valueBytes: number;
  readonly maxEntries: number;
}

/** Makes an empty map. The caller closes the descriptor. @throws SystemCallError */
export function createMap({ kind, keyBytes, valueBytes, maxEntries }: MapShape): number {
  const attributes = new DataView(new ArrayBuffer(24));
  const numbers = [TYPES[kind], keyBytes, valueBytes, maxEntries, kind === 'lpm' ? BPF_F_NO_PREALLOC : 0];
  numbers.forEach((number, index) => void attributes.setUint32(4 * index, number, true));
  return succeed('bpf BPF_MAP_CREATE', bpf(Command.MAP_CREATE, attributes));
}

/** Puts entries into a map with one call; keys and values stand one after the other. @throws SystemCallError */
export function fillMap(map: number, keys: Uint8Array, values: Uint8Array, count: number): void {
  const attributes = new DataView(new ArrayBuffer(56));
  attributes.setBigUint64(16, addressOf(keys), true);
  attributes.setBigUint64(24, addressOf(values), true);
  attributes.setUint32(32, count, true);
  attributes.setUint32(36, map, true);
  succeed('bpf BPF_MAP_UPDATE_BATCH', bpf(Command.MAP_UPDATE_BATCH, attributes));
}
