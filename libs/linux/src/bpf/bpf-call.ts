import { BpfleetError } from '@bpfleet/errors';
import { libc } from '../calls/libc.js';

/** `enum bpf_cmd`, include/uapi/linux/bpf.h. */
export const Command = {
  MAP_CREATE: 0,
  MAP_LOOKUP_ELEM: 1,
  PROG_LOAD: 5,
  OBJ_GET_INFO_BY_FD: 15,
  MAP_FREEZE: 22,
  MAP_LOOKUP_BATCH: 24,
  MAP_UPDATE_BATCH: 26,
} as const;

/** The number of bpf(2), which differs between architectures. */
const SYSTEM_CALL: Readonly<Record<string, number>> = { x64: 321, arm64: 280 };

/** bpf(2). Returns what the kernel does: a negative result means `errno` is set. */
export function bpf(command: number, attributes: DataView): number {
  const number = SYSTEM_CALL[process.arch];
  if (number === undefined) throw new BpfleetError('PLATFORM_UNSUPPORTED', `no eBPF from here on ${process.arch}`);
  const bytes = new Uint8Array(attributes.buffer, attributes.byteOffset, attributes.byteLength);
  return libc().bpf(number, command, bytes, bytes.length);
}
