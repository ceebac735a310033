import { convertedLength, decodeProgram, type Program } from '@bpfleet/bpf';
import { BpfleetError } from '@bpfleet/errors';
import { SystemCallError } from '../calls/system-call-error.js';
import { optmemMax } from '../host/optmem-max.js';
import { interfaces } from '../interfaces/interfaces.js';

/** What the kernel's refusals mean to a person, and what to do about them. Anything unforeseen stays as it is. */

export function openRefused(error: unknown): unknown {
  if (!(error instanceof SystemCallError)) return error;
  if (error.errno === 'EPERM') {
    return new BpfleetError('CAPTURE_NOT_PERMITTED', 'this process may not open packet sockets', {
      cause: error,
      hint: 'capturing needs CAP_NET_RAW: run as root, or add the capability (cap_add: [NET_RAW])',
    });
  }
  if (error.errno === 'EAFNOSUPPORT') {
    return new BpfleetError('PLATFORM_UNSUPPORTED', 'this kernel has no packet sockets (CONFIG_PACKET)', {
      cause: error,
    });
  }
  return error;
}

export function ringRefused(error: unknown, ringBytes: number): unknown {
  if (!(error instanceof SystemCallError) || error.errno !== 'ENOMEM') return error;
  return new BpfleetError('SYSTEM_CALL', `the kernel has no memory for a ring of ${ringBytes} bytes`, {
    cause: error,
    hint: 'use a smaller ring, or give the host or the container more memory',
  });
}

/** Names the interface when it is known only by its index, and lists those there are. */
export function interfaceUnknown(index: number, cause?: unknown): BpfleetError {
  const names = interfaces().map(({ name, index }) => `${name} (${index})`);
  return new BpfleetError('INTERFACE_UNKNOWN', `no network interface has the index ${index}`, {
    cause,
    hint: `this host has ${names.join(', ')}`,
  });
}

export function attachRefused(error: unknown, subject: string, program: Uint8Array): unknown {
  if (!(error instanceof SystemCallError)) return error;
  const instructions = decodeProgram(program);
  const message = `the kernel refused the filter on ${subject} (${instructions.length} instructions, ${error.errno})`;
  return new BpfleetError('ATTACH_REFUSED', message, { cause: error, hint: attachHint(error.errno, instructions) });
}

export function attachLoadedRefused(error: unknown, subject: string): unknown {
  if (!(error instanceof SystemCallError)) return error;
  return new BpfleetError('ATTACH_REFUSED', `the kernel refused the eBPF filter on ${subject} (${error.errno})`, {
    cause: error,
    hint:
      error.errno === 'ENOMEM'
        ? `raise net.core.optmem_max${limit()}: it needs 8 bytes for each instruction, on top of what the filter it replaces needs`
        : 'the previous filter stays attached',
  });
}

function attachHint(errno: string, program: Program): string {
  switch (errno) {
    case 'ENOMEM':
      // `sk_filter_charge`: old and new program are both charged until the old one is released (`__sk_attach_prog`).
      return (
        `shorten the filter or raise net.core.optmem_max${limit()}: it needs about ${8 * convertedLength(program)} bytes, ` +
        'on top of what the filter it replaces needs'
      );
    case 'EINVAL':
      return 'its checker (bpf_check_classic) found the program invalid, or a jump spans too many loads';
    case 'EPERM':
      return 'the socket is locked (SO_LOCK_FILTER); open a new one';
    default:
      return 'the previous filter stays attached';
  }
}

/** The limit as it is now, in parentheses; nothing where it cannot be read. */
function limit(): string {
  const bytes = optmemMax();
  return bytes === undefined ? '' : ` (now ${bytes})`;
}
