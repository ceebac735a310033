import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import type { HostUsage } from './throttle.js';

/** `utime` and `stime` of /proc/PID/stat count in these, whatever the kernel's own tick is (`USER_HZ`). */
const TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4096;

/**
 * What the agent took since this was last asked: user and system time of all threads of this process and of the opener, and
 * their memory.
 */
export class UsageMeter {
  #cpuMs: number;
  #atMs = performance.now();
  #residentBytes = 0;

  /** @param openerPid undefined where the opener is in this process */
  constructor(private readonly openerPid: number | undefined) {
    this.#cpuMs = this.#cpu();
  }

  /** @param ringBytes mapped by this process: of the rings, which have a budget of their own */
  read(ringBytes: number): HostUsage & { readonly windowMs: number } {
    const cpuMs = this.#cpu();
    const atMs = performance.now();
    const windowMs = Math.max(1, atMs - this.#atMs);
    // Never less than nothing: an opener that cannot be seen any more counts as none.
    const usedMs = Math.max(0, cpuMs - this.#cpuMs);
    this.#cpuMs = cpuMs;
    this.#atMs = atMs;
    const residentBytes = this.#resident() + ownBytesOf(this.openerPid);
    return { cpuPercent: (usedMs / windowMs) * 100, memoryBytes: Math.max(0, residentBytes - ringBytes), windowMs };
  }

  #resident(): number {
    try {
      this.#residentBytes = process.memoryUsage.rss();
    } catch {
      // It reads a file, and descriptors have run out: as it was last.
    }
    return this.#residentBytes;
  }

  #cpu(): number {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000 + cpuMsOf(this.openerPid);
  }
}

/** proc_pid_stat(5): behind the name, which may hold anything, `utime` is the 12th field and `stime` the 13th. */
function cpuMsOf(pid: number | undefined): number {
  const fields = readOf(pid, 'stat')?.split(') ').at(-1)?.split(' ') ?? [];
  return ((Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * 1000) / TICKS_PER_SECOND;
}

/**
 * proc_pid_statm(5): the second field without the third, in pages: what is of a file is the same program's as this process runs, is there
 * once, and counts with this one.
 */
function ownBytesOf(pid: number | undefined): number {
  const [, resident = 0, shared = 0] = readOf(pid, 'statm')?.split(' ').map(Number) ?? [];
  return (resident - shared) * PAGE_BYTES;
}

function readOf(pid: number | undefined, file: string): string | undefined {
  if (pid === undefined) return undefined;
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    // Ended, or not to be seen (hidepid): what is left of the agent is counted all the same.
    return undefined;
  }
}
