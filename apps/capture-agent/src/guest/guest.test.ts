import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Guest } from './guest.js';
import type { HostBudget } from './throttle.js';

describe('Guest', () => {
  beforeEach(() => {
    vi.useFakeTimers();
    // Other tests of this process take some, and give it back.
    vi.spyOn(process.memoryUsage, 'rss').mockReturnValue(100 * 1024 * 1024);
  });
  afterEach(() => {
    vi.restoreAllMocks();
    vi.useRealTimers();
  });

  /** After so many seconds with this budget: what was asked of whoever captures, and what the status says. */
  function after(seconds: number, budget: HostBudget) {
    const asked: string[] = [];
    let changes = 0;
    const captures = { throttle: (step: string) => void asked.push(step), collect: () => void asked.push('collect') };
    const count = (): void => void changes++;
    const guest = new Guest(budget, undefined, () => 0, pino({ enabled: false }), captures, count);
    guest.start();
    vi.advanceTimersByTime(seconds * 1000);
    guest.stop();
    return { asked, changes, errors: guest.errors };
  }

  it('says nothing within its budget', () => {
    expect(after(50, { cpuPercent: 1e9, memoryBytes: 1e12 })).toEqual({ asked: [], changes: 0, errors: [] });
  });

  it('has memory freed before any packet is given up, and says what is given up and what to do', () => {
    const { asked, changes, errors } = after(8, { cpuPercent: 1e9, memoryBytes: 1024 * 1024 });
    expect(asked.filter((one, index) => one !== asked[index - 1])).toEqual(['collect', 'headers']);
    expect(changes).toBeGreaterThan(0);
    expect(errors).toMatchObject([{ code: 'OVER_BUDGET' }]);
    expect(errors[0]!.message).toMatch(
      /^the agent took \d+ MiB of memory, of 1: filters keep headers alone; run fewer filters, or raise BPFLEET_AGENT_MEMORY_BYTES$/,
    );
  });

  it('says when packets are kept all the same', () => {
    const { asked, errors } = after(80, { cpuPercent: 1e9, memoryBytes: 64 * 1024 * 1024 });
    expect(asked.filter((one) => one !== 'collect').slice(0, 4)).toEqual(['headers', 'sampled', 'paused', 'full']);
    expect(errors[0]!.message).toContain(
      'and keeping less of the packets frees none of it: packets are kept all the same',
    );
  });
});
