import type { GuardFigures } from '@bpfleet/contract';
import type { CaptureCounters } from '../capture/ring/capture-messages.js';
import { UsageMeter } from './usage-meter.js';

/** What the agent costs its host and what it captures, from one status to the next: what rollouts are guarded by. */
export class GuardMeter {
  readonly #usage: UsageMeter;
  #before = { packets: 0, bytes: 0, dropped: 0 };

  constructor(openerPid: number | undefined) {
    this.#usage = new UsageMeter(openerPid);
  }

  read({ taken, sockets, ended, versions }: CaptureCounters, ringBytes: number): GuardFigures {
    const { windowMs, cpuPercent, memoryBytes } = this.#usage.read(ringBytes);
    const now = {
      packets: taken,
      bytes: versions.reduce((sum, { storedBytes }) => sum + storedBytes, 0),
      dropped: sockets.reduce((sum, { dropped }) => sum + dropped, ended.dropped),
    };
    const perSecond = (name: keyof typeof now) => (Math.max(0, now[name] - this.#before[name]) * 1000) / windowMs;
    const figures = {
      windowMs: Math.round(windowMs),
      cpuPercent,
      memoryBytes,
      packetsPerSecond: perSecond('packets'),
      bytesPerSecond: perSecond('bytes'),
      kernelDropsPerSecond: perSecond('dropped'),
    };
    this.#before = now;
    return figures;
  }
}
