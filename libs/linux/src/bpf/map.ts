import type { EbpfMap } from '@bpfleet/bpf';
import { addressOf, errno, succeed } from '../calls/libc.js';
import { SystemCallError } from '../calls/system-call-error.js';
import { bpf, Command } from './bpf-call.js';
import { BPF_F_NO_PREALLOC, BPF_F_RDONLY_PROG } from './object-info.js';

/** `enum bpf_map_type`. */
const TYPES = { hash: 1, array: 2, lpm: 11 } as const;

/**
 * Makes an empty map. The caller closes the descriptor. Sets are for reading only, where the kernel can see to that; arrays
 * are the program's counters.
 * @throws SystemCallError
 */
export function createMap(map: EbpfMap): number {
  // The kernel demands it of LPM tries (`trie_alloc`).
  const flags = map.kind === 'lpm' ? BPF_F_NO_PREALLOC : 0;
  if (map.kind !== 'array') {
    const fd = create(map, flags | BPF_F_RDONLY_PROG);
    if (fd >= 0) return fd;
    const error = new SystemCallError('bpf BPF_MAP_CREATE', errno());
    // A flag that it does not know (before 5.2).
    if (error.errno !== 'EINVAL') throw error;
  }
  return succeed('bpf BPF_MAP_CREATE', create(map, flags));
}

function create({ kind, keyBytes, valueBytes, entries }: EbpfMap, flags: number): number {
  const attributes = new DataView(new ArrayBuffer(24));
  const numbers = [TYPES[kind], keyBytes, valueBytes, entries, flags];
  for (const [index, number] of numbers.entries()) attributes.setUint32(4 * index, number, true);
  return bpf(Command.MAP_CREATE, attributes);
}

/** `attr.batch` of `union bpf_attr`. */
const BATCH = { from: 0, to: 8, keys: 16, values: 24, count: 32, fd: 36, bytes: 56 } as const;

/** Puts a map's keys into it with one call; all values are 0. @throws SystemCallError */
export function fillMap(fd: number, { keys, valueBytes, entries }: EbpfMap): void {
  const values = new Uint8Array(entries * valueBytes);
  const attributes = new DataView(new ArrayBuffer(BATCH.bytes));
  attributes.setBigUint64(BATCH.keys, addressOf(keys), true);
  attributes.setBigUint64(BATCH.values, addressOf(values), true);
  attributes.setUint32(BATCH.count, entries, true);
  attributes.setUint32(BATCH.fd, fd, true);
  succeed('bpf BPF_MAP_UPDATE_BATCH', bpf(Command.MAP_UPDATE_BATCH, attributes));
}

/** From now on no process can change the map; programs still can. False where the kernel has no such thing (before 5.2). */
export function freezeMap(fd: number): boolean {
  const attributes = new DataView(new ArrayBuffer(4));
  attributes.setUint32(0, fd, true);
  if (bpf(Command.MAP_FREEZE, attributes) >= 0) return true;
  const error = new SystemCallError('bpf BPF_MAP_FREEZE', errno());
  if (error.errno === 'EINVAL' || error.errno === 'ENOTSUP') return false;
  throw error;
}

/** Keys and values of a map as they are in it, side by side, in the kernel's order. */
export interface MapContent {
  readonly keys: Uint8Array;
  readonly values: Uint8Array;
}

/** Reads all of a map that nobody is changing. @throws SystemCallError */
export function readMap(fd: number, { keyBytes, valueBytes, entries }: EbpfMap): MapContent {
  const keys = new Uint8Array(new ArrayBuffer(entries * keyBytes));
  const values = new Uint8Array(new ArrayBuffer(entries * valueBytes));
  // Where a next call would go on: a bucket's number, or a key. There is none, since there is room for all.
  const cursor = new Uint8Array(new ArrayBuffer(Math.max(keyBytes, 8)));
  const attributes = new DataView(new ArrayBuffer(BATCH.bytes));
  attributes.setBigUint64(BATCH.to, addressOf(cursor), true);
  attributes.setBigUint64(BATCH.keys, addressOf(keys), true);
  attributes.setBigUint64(BATCH.values, addressOf(values), true);
  attributes.setUint32(BATCH.count, entries, true);
  attributes.setUint32(BATCH.fd, fd, true);
  if (bpf(Command.MAP_LOOKUP_BATCH, attributes) < 0) {
    const error = new SystemCallError('bpf BPF_MAP_LOOKUP_BATCH', errno());
    // That was the end; what is counted was read all the same.
    if (error.errno !== 'ENOENT') throw error;
  }
  const count = attributes.getUint32(BATCH.count, true);
  return { keys: keys.subarray(0, count * keyBytes), values: values.subarray(0, count * valueBytes) };
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
