import { describe, expect, it } from 'vitest';
import type { CaptureCounters } from '../capture/ring/capture-messages.js';
import { GuardMeter } from './guard-meter.js';
import { UsageMeter } from './usage-meter.js';

const counters = (taken: number, storedBytes: number, dropped: number, endedDropped = 0): CaptureCounters => ({
  taken,
  sockets: [{ socket: 1, interfaces: ['eth0'], passed: taken + dropped, dropped, taken }],
  ended: { sockets: 1, passed: endedDropped, dropped: endedDropped, taken: 0 },
  versions: [
    {
      ...{ version: 'web@1', interface: 'eth0', step: 'full', matched: taken, stored: taken, storedBytes },
      ...{ truncated: 0, sampledOut: 0, budgetDropped: 0 },
    },
  ],
});

/** Keeps a processor busy for at least so long. */
function work(ms: number): void {
  for (const start = process.cpuUsage(); process.cpuUsage(start).user < ms * 1000; );
}

describe('GuardMeter', () => {
  it('tells of what came since it was asked last', () => {
    const meter = new GuardMeter(undefined);
    meter.read(counters(100, 1000, 5), 0);
    work(20);
    const { windowMs, packetsPerSecond, bytesPerSecond, kernelDropsPerSecond } = meter.read(counters(150, 3000, 6), 0);
    const scale = windowMs / 1000;
    expect(packetsPerSecond * scale).toBeCloseTo(50, -1);
    expect(bytesPerSecond / packetsPerSecond).toBeCloseTo(40, 1);
    expect(packetsPerSecond / kernelDropsPerSecond).toBeCloseTo(50, 1);
  });

  it('counts what a socket dropped that has ended, and no less than nothing', () => {
    const meter = new GuardMeter(undefined);
    meter.read(counters(100, 1000, 5), 0);
    expect(meter.read(counters(100, 1000, 0, 5), 0)).toMatchObject({ kernelDropsPerSecond: 0, packetsPerSecond: 0 });
    expect(meter.read(counters(100, 1000, 0, 9), 0).kernelDropsPerSecond).toBeGreaterThan(0);
    expect(meter.read(counters(100, 1000, 0, 0), 0).kernelDropsPerSecond).toBe(0);
  });
});

describe('UsageMeter', () => {
  it('counts the time of this process and of the opener, and their memory without the rings', () => {
    const meter = new UsageMeter(undefined);
    work(50);
    const { cpuPercent, windowMs, memoryBytes } = meter.read(0);
    expect((cpuPercent / 100) * windowMs).toBeGreaterThanOrEqual(50);
    const twice = new UsageMeter(process.pid);
    expect(twice.read(0).memoryBytes).toBeGreaterThan(1.5 * memoryBytes);
    expect(twice.read(memoryBytes).memoryBytes).toBeLessThan(1.5 * memoryBytes);
  });

  it('goes on without an opener that cannot be seen', () => {
    expect(new UsageMeter(2 ** 30).read(0).cpuPercent).toBeGreaterThanOrEqual(0);
  });
});
