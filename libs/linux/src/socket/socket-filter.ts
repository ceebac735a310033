import { BpfleetError } from '@bpfleet/errors';
import { libc, succeed } from '../calls/libc.js';
import { SO_ATTACH_BPF, SO_ATTACH_FILTER, SO_GET_FILTER, SOL_SOCKET } from './constants.js';
import { attachLoadedRefused, attachRefused } from './refusals.js';

/** `struct sock_filter`, include/uapi/linux/filter.h: code 16 bits, jt, jf, k 32 bits. */
const INSTRUCTION_BYTES = 8;
/** sizeof(struct sock_fprog) on 64-bit hosts. */
const SOCK_FPROG_BYTES = 16;

/** `ret #0` (BPF_RET | BPF_K = 0x06): nothing passes. */
export const rejectAll = Uint8Array.of(0x06, 0, 0, 0, 0, 0, 0, 0);

/**
 * Attaches an encoded program to a socket, in place of the one before.
 * @param subject what is captured, for the message
 * @throws BpfleetError `ATTACH_REFUSED`, `PROGRAM_INVALID` when the bytes are no program at all
 */
export function attachProgram(fd: number, program: Uint8Array, subject: string): void {
  const len = program.length / INSTRUCTION_BYTES;
  if (!Number.isInteger(len) || len === 0 || len > 0xffff) {
    throw new BpfleetError('PROGRAM_INVALID', `${program.length} bytes are not a BPF program of 8-byte instructions`);
  }
  try {
    const fprog = { len, filter: program };
    succeed(
      'setsockopt SO_ATTACH_FILTER',
      libc().attachFilter(fd, SOL_SOCKET, SO_ATTACH_FILTER, fprog, SOCK_FPROG_BYTES),
    );
  } catch (error) {
    throw attachRefused(error, subject, program);
  }
}

/**
 * Attaches a loaded eBPF program of type socket filter, in place of the one before. It is charged to the socket as a classic
 * one is, its maps are not.
 * @throws BpfleetError `ATTACH_REFUSED`
 */
export function attachLoaded(fd: number, programFd: number, subject: string): void {
  const value = new Uint8Array(new Int32Array([programFd]).buffer);
  try {
    succeed('setsockopt SO_ATTACH_BPF', libc().setsockopt(fd, SOL_SOCKET, SO_ATTACH_BPF, value, value.length));
  } catch (error) {
    throw attachLoadedRefused(error, subject);
  }
}

/**
 * Reads the attached program from the kernel: the very instructions that were attached (`sk_get_filter` copies
 * `orig_prog`). Lengths are in instructions here, and 0 asks for the length.
 * @throws SystemCallError `EACCES` when an eBPF program is attached
 */
export function readProgram(fd: number): Uint8Array {
  for (;;) {
    const count = getFilter(fd, new Uint8Array(0));
    const program = new Uint8Array(count * INSTRUCTION_BYTES);
    if (count === 0) return program;
    // Another holder of the socket may have attached a shorter or longer one in between: then ask again.
    if (getFilter(fd, program) === count) return program;
  }
}

/** Answers the number of instructions of the attached program, and fills `into` when it is long enough. */
function getFilter(fd: number, into: Uint8Array): number {
  const count: [number] = [into.length / INSTRUCTION_BYTES];
  succeed('getsockopt SO_GET_FILTER', libc().getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, into, count));
  return count[0];
}
