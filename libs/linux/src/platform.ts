import { BpfleetError } from '@bpfleet/errors';
import { closeDescriptor, libc, succeed } from './calls/libc.js';
import { SystemCallError } from './calls/system-call-error.js';
import { AF_PACKET, SOCK_CLOEXEC, SOCK_RAW } from './socket/constants.js';

/** What a probe found. A reason is one line for a person. */
export type Probe = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/** Processors whose structure layouts our tables hold: 64 bit, little endian. */
const machines: readonly string[] = ['x64', 'arm64'];

/** Whether the kernel's interfaces can be called at all from this process. Says nothing about permissions. */
export function platform(): Probe {
  if (process.platform !== 'linux') return { ok: false, reason: `capturing needs Linux, this is ${process.platform}` };
  if (!machines.includes(process.arch)) {
    return { ok: false, reason: `capturing runs on ${machines.join(' and ')}, this is ${process.arch}` };
  }
  return attempt(() => libc());
}

/** Whether this process may open packet sockets in its network namespace, found by opening one. */
export function canCapture(): Probe {
  const supported = platform();
  if (!supported.ok) return supported;
  // Protocol 0: the socket receives nothing.
  return attempt(() => closeDescriptor(succeed('socket', libc().socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0))));
}

function attempt(action: () => unknown): Probe {
  try {
    action();
    return { ok: true };
  } catch (error) {
    if (error instanceof SystemCallError && error.errno === 'EPERM') return { ok: false, reason: needsNetRaw };
    if (error instanceof BpfleetError) return { ok: false, reason: error.message };
    throw error;
  }
}

const needsNetRaw = 'packet sockets need CAP_NET_RAW in this network namespace';
