import { describe, expect, it } from 'vitest';
import { Budget, HEADER_BYTES, SAMPLED_WEIGHT } from './budget.js';

/** A second with so many packets: how many were kept, and the step after it. */
function second(budget: Budget, at: number, packets: number, bytes = 100): [kept: number, step: string] {
  let kept = 0;
  for (let i = 0; i < packets; i++) if (budget.take(bytes)) kept++;
  budget.turn(at * 1000);
  return [kept, budget.step];
}
const started = (limits: { packetsPerSecond: number; bytesPerSecond: number }): Budget => {
  const budget = new Budget(limits);
  budget.turn(0);
  return budget;
};

describe('Budget', () => {
  it('takes everything where there is no limit', () => {
    const budget = started({ packetsPerSecond: 0, bytesPerSecond: 0 });
    expect(second(budget, 1, 100_000, 1500)).toEqual([100_000, 'full']);
  });

  it('never takes more than a second has, and goes down a step for each second that reached the limit', () => {
    const budget = started({ packetsPerSecond: 100, bytesPerSecond: 0 });
    expect(second(budget, 1, 100)).toEqual([100, 'full']);
    expect(second(budget, 2, 101)).toEqual([100, 'headers']);
    expect(budget.snaplenLimitBytes).toBe(HEADER_BYTES);
    expect(second(budget, 3, 200)).toEqual([100, 'sampled']);
    expect(budget.weight).toBe(SAMPLED_WEIGHT);
    expect(second(budget, 4, 200)).toEqual([100, 'paused']);
    expect(second(budget, 5, 200)).toEqual([0, 'sampled']);
  });

  it('counts bytes as kept', () => {
    const budget = started({ packetsPerSecond: 0, bytesPerSecond: 1000 });
    expect(second(budget, 1, 20, 100)).toEqual([10, 'headers']);
  });

  it('goes up again after five seconds below half of it, one step at a time', () => {
    const budget = started({ packetsPerSecond: 100, bytesPerSecond: 0 });
    second(budget, 1, 200);
    second(budget, 2, 200);
    expect(budget.step).toBe('sampled');
    const steps = Array.from({ length: 10 }, (_, i) => second(budget, 3 + i, 50)[1]);
    expect(steps).toEqual([...Array(4).fill('sampled'), ...Array(5).fill('headers'), 'full']);
  });

  it('stays where it is between half of the budget and all of it', () => {
    const budget = started({ packetsPerSecond: 100, bytesPerSecond: 0 });
    second(budget, 1, 200);
    for (let at = 2; at < 20; at++) expect(second(budget, at, 80)).toEqual([80, 'headers']);
  });

  it('counts bytes that come beside packets', () => {
    const budget = started({ packetsPerSecond: 0, bytesPerSecond: 1000 });
    budget.spend(900);
    expect([budget.take(100), budget.take(1)]).toEqual([true, false]);
    expect([budget.turn(1000), budget.take(100)]).toEqual([true, true]);
    budget.spend(901);
    expect(budget.take(0)).toBe(false);
  });

  it('does not turn before the second is over', () => {
    const budget = started({ packetsPerSecond: 1, bytesPerSecond: 0 });
    budget.take(1);
    budget.take(1);
    expect(budget.turn(999)).toBe(false);
    expect(budget.step).toBe('full');
    expect(budget.turn(1000)).toBe(true);
    expect(budget.step).toBe('headers');
  });

  it('keeps at least the step that is asked for from outside', () => {
    const budget = started({ packetsPerSecond: 0, bytesPerSecond: 0 });
    budget.limitTo('sampled');
    expect([budget.step, budget.weight, budget.snaplenLimitBytes]).toEqual(['sampled', SAMPLED_WEIGHT, HEADER_BYTES]);
    budget.limitTo('paused');
    expect(second(budget, 1, 10)).toEqual([0, 'paused']);
  });

  it.each([0, 100])(
    'takes no step of its own while the agent pauses all: a budget of %i packets',
    (packetsPerSecond) => {
      const budget = started({ packetsPerSecond, bytesPerSecond: 0 });
      budget.limitTo('paused');
      for (let at = 1; at < 20; at++) expect(second(budget, at, 1000)).toEqual([0, 'paused']);
      budget.limitTo('full');
      expect(budget.step).toBe('full');
    },
  );

  it('goes on at its own step after such a pause', () => {
    const budget = started({ packetsPerSecond: 100, bytesPerSecond: 0 });
    second(budget, 1, 200);
    expect(budget.step).toBe('headers');
    budget.limitTo('paused');
    for (let at = 2; at < 20; at++) second(budget, at, 0);
    budget.limitTo('full');
    expect(budget.step).toBe('headers');
  });
});
