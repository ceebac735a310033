import { readFileSync } from 'node:fs';

/**
 * net.core.optmem_max, in bytes: how much a socket may be charged for its programs (`sk_filter_charge`). Of the calling thread's
 * network namespace, where kernels keep one for each (since 6.9). Undefined where it cannot be read.
 */
export function optmemMax(): number | undefined {
  try {
    const bytes = Number(readFileSync('/proc/sys/net/core/optmem_max', 'utf8'));
    return Number.isInteger(bytes) ? bytes : undefined;
  } catch {
    // No /proc, or one that hides it.
    return undefined;
  }
}
