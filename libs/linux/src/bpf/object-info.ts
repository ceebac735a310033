import { readFileSync } from 'node:fs';
import { addressOf, succeed } from '../calls/libc.js';
import { bpf, Command } from './bpf-call.js';

/** Flags of BPF_MAP_CREATE. */
export const BPF_F_NO_PREALLOC = 1 << 0;
/** Programs may only read the map; since 5.2. */
export const BPF_F_RDONLY_PROG = 1 << 7;

/** What the kernel tells of a loaded program. Its instructions are of no use: the verifier has rewritten them. */
export interface ProgramInfo {
  /** Hex. See `tagOf`. */
  readonly tag: string;
  /** Of the maps it uses, in no order that means something. */
  readonly mapIds: readonly number[];
}

/** `struct bpf_prog_info`, include/uapi/linux/bpf.h. */
const PROGRAM = { tag: 8, mapCount: 52, mapIds: 56, bytes: 64 } as const;
/** `struct bpf_map_info`. */
const MAP = { id: 4, flags: 20, bytes: 24 } as const;
/** No program of ours uses more: a map for each large set, and the counters. */
const MOST_MAPS = 256;

/** @throws SystemCallError `EBADF`, `EINVAL` when the descriptor is none of a program */
export function programInfo(fd: number): ProgramInfo {
  const ids = new Uint32Array(MOST_MAPS);
  const info = new DataView(new ArrayBuffer(PROGRAM.bytes));
  info.setUint32(PROGRAM.mapCount, ids.length, true);
  info.setBigUint64(PROGRAM.mapIds, addressOf(new Uint8Array(ids.buffer)), true);
  getInfo(fd, info);
  const tag = Buffer.from(info.buffer, PROGRAM.tag, 8).toString('hex');
  return { tag, mapIds: [...ids.subarray(0, info.getUint32(PROGRAM.mapCount, true))] };
}

export interface MapInfo {
  readonly id: number;
  /** Programs cannot change it. */
  readonly isReadOnly: boolean;
  /** No process can change it any more. */
  readonly isFrozen: boolean;
}

/** @throws SystemCallError `EBADF`, `EINVAL` when the descriptor is none of a map */
export function mapInfo(fd: number): MapInfo {
  const info = new DataView(new ArrayBuffer(MAP.bytes));
  getInfo(fd, info);
  return {
    id: info.getUint32(MAP.id, true),
    isReadOnly: (info.getUint32(MAP.flags, true) & BPF_F_RDONLY_PROG) !== 0,
    // The only place that tells (`bpf_map_show_fdinfo`).
    isFrozen: /^frozen:\s*1$/m.test(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')),
  };
}

function getInfo(fd: number, info: DataView): void {
  const attributes = new DataView(new ArrayBuffer(16));
  attributes.setUint32(0, fd, true);
  attributes.setUint32(4, info.byteLength, true);
  attributes.setBigUint64(8, addressOf(new Uint8Array(info.buffer)), true);
  succeed('bpf BPF_OBJ_GET_INFO_BY_FD', bpf(Command.OBJ_GET_INFO_BY_FD, attributes));
}
