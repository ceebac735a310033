import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { LoopShare } from './loop-share.js';

const calculate = (ms: number): void => {
  for (const end = performance.now() + ms; performance.now() < end; );
};

describe('LoopShare', () => {
  it('lets one calculation a round of the event loop have a turn', async () => {
    const turns: string[] = [];
    let isOver = false;
    const rounds = (async () => {
      while (!isOver) {
        await setImmediate();
        turns.push('round');
      }
    })();
    const parts = async (name: string) => {
      const share = new LoopShare();
      for (let part = 0; part < 3; part++) {
        await share.next();
        turns.push(name);
        calculate(2);
      }
    };
    await Promise.all(['a', 'b', 'c'].map(parts));
    isOver = true;
    await rounds;
    const calculations = turns.filter((turn) => turn !== 'round');
    expect(calculations).toEqual(['a', 'b', 'c', 'a', 'b', 'c', 'a', 'b', 'c']);
    const atOnce = turns.filter((turn, index) => turn !== 'round' && (turns[index + 1] ?? 'round') !== 'round');
    expect(atOnce).toEqual([]);
  });

  it('goes on without waiting while there is time left', async () => {
    const share = new LoopShare();
    await share.next();
    let hasWaited = false;
    const waited = setImmediate().then(() => {
      hasWaited = true;
    });
    for (let part = 0; part < 10; part++) await share.next();
    expect(hasWaited).toBe(false);
    await waited;
  });
});
