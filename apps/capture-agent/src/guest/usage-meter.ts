import { performance } from 'node:perf_hooks';
import type { HostUsage } from './throttle.js';

/** What this process took since it was last asked: user and system time of all its threads, and its memory. */
export class UsageMeter {
  #cpu = process.cpuUsage();
  #atMs = performance.now();

  /** @param ringBytes mapped by this process: of the rings, which have a budget of their own */
  read(ringBytes: number): HostUsage & { readonly windowMs: number } {
    const cpu = process.cpuUsage();
    const atMs = performance.now();
    const windowMs = Math.max(1, atMs - this.#atMs);
    const usedMs = (cpu.user + cpu.system - this.#cpu.user - this.#cpu.system) / 1000;
    this.#cpu = cpu;
    this.#atMs = atMs;
    return {
      cpuPercent: (usedMs / windowMs) * 100,
      memoryBytes: Math.max(0, process.memoryUsage.rss() - ringBytes),
      windowMs,
    };
  }
}
