import { type EbpfFilter, encodeProgram, type Program, translateToEbpf } from '@bpfleet/bpf';
import { BpfleetError } from '@bpfleet/errors';
import { type KernelVerdicts, optmemMax, SystemCallError } from '@bpfleet/linux';
import { loadFilter } from './load-filter.js';

/** Puts programs on a socket that no packet comes to, so that what the kernel says of them is known beforehand. */

/** @throws BpfleetError `ATTACH_REFUSED` with what to do, SystemCallError */
export function tryClassic(kernel: KernelVerdicts, bytes: Uint8Array): void {
  try {
    kernel.attach(bytes);
  } catch (error) {
    throw error instanceof SystemCallError && error.errno === 'ENOMEM' ? noMemory(error) : error;
  }
}

/** @throws BpfleetError `ATTACH_REFUSED` with what to do, SystemCallError */
export function tryExtended(kernel: KernelVerdicts, filter: EbpfFilter): void {
  const loaded = loadFilter(filter);
  try {
    kernel.attachEbpf(loaded.program);
  } catch (error) {
    throw error instanceof SystemCallError && error.errno === 'ENOMEM' ? noMemory(error) : error;
  } finally {
    loaded.close();
  }
}

/** As it would be attached: translated where its classic form is too large for a socket. @throws as the two above */
export function tryFitting(kernel: KernelVerdicts, program: Program): void {
  try {
    tryClassic(kernel, encodeProgram(program));
  } catch (error) {
    if (!isTooLarge(error)) throw error;
    tryExtended(kernel, translateToEbpf(program));
  }
}

/** More instructions than a classic program has, than a socket may be charged for, or a jump too far once converted. */
export function isTooLarge(error: unknown): error is BpfleetError {
  if (!(error instanceof BpfleetError)) return false;
  if (error.code === 'FILTER_TOO_LARGE') return true;
  const call = error instanceof SystemCallError ? error : error.cause;
  return call instanceof SystemCallError && (call.errno === 'ENOMEM' || call.errno === 'EINVAL');
}

function noMemory(cause: SystemCallError): BpfleetError {
  const limit = optmemMax();
  return new BpfleetError('ATTACH_REFUSED', 'the program needs more memory than a socket may have', {
    cause,
    hint: `raise net.core.optmem_max${limit === undefined ? '' : ` (now ${limit})`}`,
  });
}
