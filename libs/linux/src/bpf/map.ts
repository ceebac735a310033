import type { EbpfMap } from '@bpfleet/bpf';
import { addressOf, succeed } from '../calls/libc.js';
import { bpf, Command } from './bpf-call.js';

/** `enum bpf_map_type`. */
const TYPES = { hash: 1, array: 2, lpm: 11 } as const;
/** The kernel demands it of LPM tries (`trie_alloc`). */
const BPF_F_NO_PREALLOC = 1;

/** Makes an empty map. The caller closes the descriptor. @throws SystemCallError */
export function createMap({ kind, keyBytes, valueBytes, entries }: EbpfMap): number {
  const attributes = new DataView(new ArrayBuffer(24));
  const numbers = [TYPES[kind], keyBytes, valueBytes, entries, kind === 'lpm' ? BPF_F_NO_PREALLOC : 0];
  for (const [index, number] of numbers.entries()) attributes.setUint32(4 * index, number, true);
  return succeed('bpf BPF_MAP_CREATE', bpf(Command.MAP_CREATE, attributes));
}

/** Puts a map's keys into it with one call; all values are 0. @throws SystemCallError */
export function fillMap(fd: number, { keys, valueBytes, entries }: EbpfMap): void {
  const values = new Uint8Array(entries * valueBytes);
  const attributes = new DataView(new ArrayBuffer(56));
  attributes.setBigUint64(16, addressOf(keys), true);
  attributes.setBigUint64(24, addressOf(values), true);
  attributes.setUint32(32, entries, true);
  attributes.setUint32(36, fd, true);
  succeed('bpf BPF_MAP_UPDATE_BATCH', bpf(Command.MAP_UPDATE_BATCH, attributes));
}

/** The 64-bit numbers of an array map. @throws SystemCallError */
export function readCounters(fd: number, count: number): bigint[] {
  const key = new Uint32Array(1);
  const value = new BigUint64Array(1);
  const attributes = new DataView(new ArrayBuffer(32));
  attributes.setUint32(0, fd, true);
  attributes.setBigUint64(8, addressOf(new Uint8Array(key.buffer)), true);
  attributes.setBigUint64(16, addressOf(new Uint8Array(value.buffer)), true);
  return Array.from({ length: count }, (_, index) => {
    key[0] = index;
    succeed('bpf BPF_MAP_LOOKUP_ELEM', bpf(Command.MAP_LOOKUP_ELEM, attributes));
    return value[0] ?? 0n;
  });
}
