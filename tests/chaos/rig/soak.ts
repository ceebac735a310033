import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { Requirement } from '../../environment/src/requirements.js';

const KIB_PER_MIB = 1024;
export const SOAK_MINUTES = Number(process.env.BPFLEET_TEST_SOAK_MINUTES ?? 10);
export const SAMPLE_MS = 2_000;
/** Ten minutes are too long for each run. */
export const longForm: Requirement =
  Number(process.env.BPFLEET_TEST_ROUNDS ?? 1) >= 20
    ? {}
    : { unavailable: 'only in the long form: npm run test:chaos' };
/** What is not flat in an hour. */
const MOST_MIB_PER_MINUTE = 1;
const GROWTH_DESCRIPTORS = 2;

interface Sample {
  readonly memoryMib: number;
  readonly descriptors: number;
}

/** Samples of processes that run for long; none may need more and more of anything. */
export class Soak {
  readonly #samples: Sample[] = [];

  /** @param pids of one service */
  constructor(private readonly pids: () => readonly number[]) {}

  sample(): void {
    const each = this.pids().map(sampleOf);
    this.#samples.push({
      memoryMib: each.reduce((sum, { memoryMib }) => sum + memoryMib, 0),
      descriptors: each.reduce((sum, { descriptors }) => sum + descriptors, 0),
    });
  }

  get says(): string {
    return (
      `at least ${this.#memory()
        .map((mib) => mib.toFixed(0))
        .join(', ')} MiB by quarters, ${this.#mibPerMinute().toFixed(2)} MiB/min ` +
      `from the second to the last; descriptors ${this.#descriptors().join(', ')}`
    );
  }

  expectFlat(): void {
    const descriptors = this.#descriptors();
    expect(this.#mibPerMinute()).toBeLessThan(MOST_MIB_PER_MINUTE);
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
    const apartMs = 2 * (this.#samples.length >> 2) * SAMPLE_MS;
    return ((memory[3]! - memory[1]!) / apartMs) * 60_000;
  }
}

const sampleOf = (pid: number): Sample => ({
  memoryMib: anonymousMib(pid),
  descriptors: readdirSync(`/proc/${pid}/fd`).length,
});

/** What a process has in memory that is of no file, nor of a ring: that one's size is set. */
export function anonymousMib(pid: number): number {
  const [, kib] = /^RssAnon:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))!;
  return Number(kib) / KIB_PER_MIB;
}
