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
/** From the second quarter to the last. Memory that nobody needs is given back late: some of it comes and goes. */
const GROWTH_MIB = 6;
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
      `${this.#memory()
        .map((mib) => mib.toFixed(0))
        .join(', ')} MiB by quarters, ${this.#mibPerMinute().toFixed(2)} MiB/min ` +
      `in the second half; descriptors ${this.#descriptors().join(', ')}`
    );
  }

  expectFlat(): void {
    const [memory, descriptors] = [this.#memory(), this.#descriptors()];
    expect(memory[3]! - memory[1]!).toBeLessThan(GROWTH_MIB);
    expect(this.#mibPerMinute()).toBeLessThan(MOST_MIB_PER_MINUTE);
    expect(descriptors[3]! - descriptors[1]!).toBeLessThanOrEqual(GROWTH_DESCRIPTORS);
  }

  #quarters(): Sample[][] {
    const quarter = this.#samples.length >> 2;
    return [0, 1, 2, 3].map((one) => this.#samples.slice(one * quarter, (one + 1) * quarter));
  }

  /** The median of each quarter. */
  #memory(): number[] {
    return this.#quarters().map((samples) => {
      const sorted = samples.map(({ memoryMib }) => memoryMib).sort((a, b) => a - b);
      return sorted[sorted.length >> 1]!;
    });
  }

  /** The most of each quarter. */
  #descriptors(): number[] {
    return this.#quarters().map((samples) => Math.max(...samples.map(({ descriptors }) => descriptors)));
  }

  #mibPerMinute(): number {
    const half = this.#samples.slice(this.#samples.length >> 1).map(({ memoryMib }) => memoryMib);
    return slopeOf(half) * (60_000 / SAMPLE_MS);
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

/** Of the straight line that is nearest to the values (least squares), per step. */
function slopeOf(values: readonly number[]): number {
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const [rise, run] = values.reduce(
    ([up, along], value, index) => [up + (index - middle) * (value - mean), along + (index - middle) ** 2],
    [0, 0] as [number, number],
  );
  return run === 0 ? 0 : rise / run;
}
