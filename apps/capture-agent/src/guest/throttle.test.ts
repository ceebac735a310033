import { describe, expect, it } from 'vitest';
import { Throttle } from './throttle.js';

const budget = { cpuPercent: 50, memoryBytes: 1000 };
const seconds = (throttle: Throttle, count: number, cpuPercent: number, memoryBytes = 100): string[] =>
  Array.from({ length: count }, () => {
    throttle.second({ cpuPercent, memoryBytes });
    return throttle.step;
  });

describe('Throttle', () => {
  it('leaves the agent alone within its budget', () => {
    expect(new Set(seconds(new Throttle(budget), 100, 50))).toEqual(new Set(['full']));
  });

  it('goes a step down for every three seconds over it, to a pause', () => {
    expect(seconds(new Throttle(budget), 12, 51)).toEqual([
      ...['full', 'full', 'headers', 'headers', 'headers', 'sampled', 'sampled', 'sampled', 'paused'],
      ...['paused', 'paused', 'paused'],
    ]);
  });

  it('takes a burst for no habit', () => {
    const throttle = new Throttle(budget);
    for (let round = 0; round < 10; round++) expect(seconds(throttle, 2, round % 2 ? 10 : 90)[1]).toBe('full');
  });

  it('goes up again after ten calm seconds, and stays where it is just below the budget', () => {
    const throttle = new Throttle(budget);
    seconds(throttle, 6, 90);
    expect(seconds(throttle, 30, 45).at(-1)).toBe('sampled');
    expect(seconds(throttle, 20, 10).filter((step) => step === 'headers')).toHaveLength(10);
    expect(throttle.step).toBe('full');
  });

  it('pauses for twice as long each time that it was over the budget behind a pause, for two minutes at most', () => {
    const throttle = new Throttle(budget);
    seconds(throttle, 9, 90);
    const pauses = Array.from({ length: 6 }, () => {
      // Some are over it while nothing is read, too.
      seconds(throttle, 4, 90);
      let calm = 0;
      while (seconds(throttle, 1, 1)[0] === 'paused') calm++;
      while (seconds(throttle, 1, 90)[0] !== 'paused');
      return calm;
    });
    expect(pauses).toEqual([9, 19, 39, 79, 119, 119]);
  });

  it('begins with short pauses again when all was kept in between', () => {
    const throttle = new Throttle(budget);
    for (let pause = 0; pause < 2; pause++) {
      seconds(throttle, 9, 90);
      expect(seconds(throttle, 10, 1).at(-1)).toBe('sampled');
      seconds(throttle, 20, 1);
      expect(throttle.step).toBe('full');
    }
  });

  it('counts memory as well, and the lower step of both', () => {
    const throttle = new Throttle(budget);
    expect(seconds(throttle, 4, 1, 1001).at(-1)).toBe('headers');
    expect(seconds(throttle, 6, 51, 500).at(-1)).toBe('sampled');
    expect(throttle.excess).toEqual({ of: 'memory', isInVain: false });
  });

  it('goes by a new budget at once', () => {
    const throttle = new Throttle(budget);
    throttle.budget = { cpuPercent: 10, memoryBytes: 1000 };
    expect(seconds(throttle, 3, 20).at(-1)).toBe('headers');
  });
});
