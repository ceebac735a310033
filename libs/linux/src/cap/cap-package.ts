import { createRequire } from 'node:module';
import { BpfleetError } from '@bpfleet/errors';
import type { Probe } from '../platform.js';

/** What we use of the npm package `cap`, which brings no types: one interface opened by libpcap. */
export interface CapHandle {
  /**
   * Promiscuous, 65,535 bytes of each packet.
   * @param filter as libpcap text; '' accepts everything
   * @param bufferBytes of libpcap's ring; a packet takes 128 KiB of it, whatever its length
   * @param buffer every packet is copied into it
   * @returns the link type by a name of its own: `ETHERNET`, `RAW`, …
   * @throws what libpcap says
   */
  open(device: string, filter: string, bufferBytes: number, buffer: Buffer): string;
  on(event: 'packet', listener: (sizeBytes: number, isTruncated: boolean) => void): void;
  close(): boolean;
}

const ours = createRequire(import.meta.url);

/**
 * Loads the native part of `cap` into this process. Its install script compiles, so `npm ci` does not run it.
 * @param from where packages are looked for
 * @throws BpfleetError `PLATFORM_UNSUPPORTED` where it is not installed, not built, or built for another Node
 */
export function openCap(from: NodeJS.Require = ours): CapHandle {
  return new (loadCap(from).Cap)();
}

/** Whether `cap` can be loaded, found by loading it. */
export function canUseCap(from: NodeJS.Require = ours): Probe {
  try {
    loadCap(from);
    return { ok: true };
  } catch (error) {
    if (error instanceof BpfleetError) return { ok: false, reason: error.message };
    throw error;
  }
}

/** What to do where it cannot. */
export const BUILD_CAP = 'install libpcap-dev, g++, make and python3, then `npm run build:cap`';

function loadCap(from: NodeJS.Require): { readonly Cap: new () => CapHandle } {
  try {
    return from('cap');
  } catch (cause) {
    const message = `the package cap ${faultOf(cause as NodeJS.ErrnoException)}`;
    throw new BpfleetError('PLATFORM_UNSUPPORTED', message, { cause, hint: BUILD_CAP });
  }
}

function faultOf({ code, message }: NodeJS.ErrnoException): string {
  const [firstLine] = message.split('\n');
  if (code !== 'MODULE_NOT_FOUND') return `cannot be loaded: ${firstLine}`;
  return firstLine!.includes('cap.node') ? 'is not built' : 'is not installed';
}
