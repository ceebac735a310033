import { constants } from 'node:os';
import { BpfleetError } from '@bpfleet/errors';
import { addressOf, errno } from '../calls/libc.js';
import { SystemCallError } from '../calls/system-call-error.js';
import { bpf, Command } from './bpf-call.js';
import { explainVerifierLog } from './verifier-log.js';

const INSTRUCTION_BYTES = 8;
const BPF_PROG_TYPE_SOCKET_FILTER = 1;
const LOG_BYTES = 1 << 20;
/** As libbpf does (`PROG_LOAD_ATTEMPTS`). */
const ATTEMPTS = 5;

/**
 * Loads an encoded eBPF program as a socket filter. The caller closes the descriptor.
 * @throws BpfleetError `ATTACH_REFUSED` with the verifier's reason in words, SystemCallError as its cause
 */
export function loadSocketFilter(instructions: Uint8Array): number {
  // Without a log first: one that is too small turns a program that loads into an error (ENOSPC).
  const fd = load(instructions, new Uint8Array(0));
  if (fd >= 0) return fd;
  const cause = new SystemCallError('bpf BPF_PROG_LOAD', errno());
  const log = new Uint8Array(LOG_BYTES);
  const second = load(instructions, log);
  // Only a want of memory passes between two calls.
  if (second >= 0) return second;
  const end = log.indexOf(0);
  const text = new TextDecoder().decode(log.subarray(0, end < 0 ? log.length : end));
  const { message, hint } = explainVerifierLog(text, cause.errno);
  throw new BpfleetError('ATTACH_REFUSED', `the kernel does not load the program: ${message}`, { cause, hint });
}

function load(instructions: Uint8Array, log: Uint8Array): number {
  const license = new TextEncoder().encode('Apache-2.0\0');
  const attributes = new DataView(new ArrayBuffer(64));
  attributes.setUint32(0, BPF_PROG_TYPE_SOCKET_FILTER, true);
  attributes.setUint32(4, instructions.length / INSTRUCTION_BYTES, true);
  attributes.setBigUint64(8, addressOf(instructions), true);
  attributes.setBigUint64(16, addressOf(license), true);
  if (log.length > 0) {
    attributes.setUint32(24, 1, true);
    attributes.setUint32(28, log.length, true);
    attributes.setBigUint64(32, addressOf(log), true);
  }
  return untilUndisturbed(() => bpf(Command.PROG_LOAD, attributes), errno);
}

/** The verifier gives up with EAGAIN when a signal comes meanwhile (`do_check`): that says nothing of the program. */
export function untilUndisturbed(call: () => number, errnoOf: () => number): number {
  for (let left = ATTEMPTS; ; left--) {
    const result = call();
    if (result >= 0 || left <= 1 || errnoOf() !== constants.errno.EAGAIN) return result;
  }
}
