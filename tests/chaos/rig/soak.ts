import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { Requirement } from '../../environment/src/requirements.js';

const KIB_PER_MIB = 1024;
export const SOAK_MINUTES = Number(process.env.BPFLEET_TEST_SOAK_MINUTES ?? 20);
export const SAMPLE_MS = 2_000;
/** It is too long for each run. */
export const longForm: Requirement =
  Number(process.env.BPFLEET_TEST_ROUNDS ?? 1) >= 20
    ? {}
    : { unavailable: 'only in the long form: npm run test:chaos' };
/**
 * How much more the last quarter's least may be than the second's without a leak: garbage is collected, and memory given back,
 * when it suits. An agent's heap held 6 MB more after ten minutes than after two, and the objects in it were no more. It does not
 * grow with a soak, so that a longer one tells smaller leaks: 0.8 MiB a minute in twenty minutes, 0.27 in an hour.
 */
const NOISE_MIB = 8;
/** However short the soak: half of what keeping one section of 64 KiB a second is. */
const MOST_MIB_PER_MINUTE = (64 * 60) / KIB_PER_MIB / 2;
const GROWTH_DESCRIPTORS = 2;

interface Reading {
  readonly memoryMib: number;
  readonly descriptors: number;
}
interface Sample extends Reading {
  readonly atMs: number;
}

/** Samples of processes that run for long; none may need more and more of anything. */
export class Soak {
  readonly #samples: Sample[] = [];

  /** @param pids of one service */
  constructor(
    private readonly pids: () => readonly number[],
    private readonly read: (pid: number) => Reading = readProcess,
  ) {}

  sample(atMs = performance.now()): void {
    const each = this.pids().map(this.read);
    this.#samples.push({
      atMs,
      memoryMib: each.reduce((sum, { memoryMib }) => sum + memoryMib, 0),
      descriptors: each.reduce((sum, { descriptors }) => sum + descriptors, 0),
    });
  }

  get says(): string {
    return (
      `at least ${this.#memory()
        .map((mib) => mib.toFixed(0))
        .join(', ')} MiB by quarters, ${this.#mibPerMinute().toFixed(2)} MiB/min ` +
      `from the second to the last (flat below ${this.#mostMibPerMinute().toFixed(2)}); descriptors ${this.#descriptors().join(', ')}`
    );
  }

  expectFlat(): void {
    const descriptors = this.#descriptors();
    expect(this.#mibPerMinute()).toBeLessThan(this.#mostMibPerMinute());
    expect(descriptors[3]! - descriptors[1]!).toBeLessThanOrEqual(GROWTH_DESCRIPTORS);
  }

  #quarters(): Sample[][] {
    const quarter = this.#samples.length >> 2;
    return [0, 1, 2, 3].map((one) => this.#samples.slice(one * quarter, (one + 1) * quarter));
  }

  /** The least of each quarter: what was left when garbage was collected, which a heap of 100 MB is every minute or two. */
  #memory(): number[] {
    return this.#quarters().map((samples) => Math.min(...samples.map(({ memoryMib }) => memoryMib)));
  }

  /** The most of each quarter. */
  #descriptors(): number[] {
    return this.#quarters().map((samples) => Math.max(...samples.map(({ descriptors }) => descriptors)));
  }

  #mibPerMinute(): number {
    const memory = this.#memory();
    return (memory[3]! - memory[1]!) / this.#minutesApart();
  }

  #mostMibPerMinute(): number {
    return Math.min(NOISE_MIB / this.#minutesApart(), MOST_MIB_PER_MINUTE);
  }

  /** The second quarter and the last. A sample is late where the machine is busy. */
  #minutesApart(): number {
    const [, second, , last] = this.#quarters();
    return (last![0]!.atMs - second![0]!.atMs) / 60_000;
  }
}

const readProcess = (pid: number): Reading => ({
  memoryMib: anonymousMib(pid),
  descriptors: readdirSync(`/proc/${pid}/fd`).length,
});

/** What a process has in memory that is of no file, nor of a ring: that one's size is set. */
export function anonymousMib(pid: number): number {
  const [, kib] = /^RssAnon:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))!;
  return Number(kib) / KIB_PER_MIB;
}
