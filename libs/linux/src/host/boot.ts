import { readFileSync } from 'node:fs';
import { libc, succeed } from '../calls/libc.js';

/** include/uapi/linux/time.h */
const CLOCK_BOOTTIME = 7;
/** `struct timespec` on 64-bit hosts: two 64-bit numbers. */
const timespec = new BigInt64Array(2);
const bytes = new Uint8Array(timespec.buffer);

/**
 * The time since the machine booted, in nanoseconds: goes on while it is suspended, and nobody sets it. The same in every process
 * and thread (of one time namespace), also across their restarts; another boot begins at 0, so keep it with `bootId`.
 */
export function bootTimeNs(): bigint {
  succeed('clock_gettime', libc().clock_gettime(CLOCK_BOOTTIME, bytes));
  return timespec[0]! * 1_000_000_000n + timespec[1]!;
}

/** In milliseconds, with their fractions. */
export function bootTimeMs(): number {
  succeed('clock_gettime', libc().clock_gettime(CLOCK_BOOTTIME, bytes));
  return Number(timespec[0]!) * 1000 + Number(timespec[1]!) / 1e6;
}

/** The kernel's random name of this boot: a UUID. */
export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}
