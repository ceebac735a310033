import { describe, expect, it } from 'vitest';
import { MemorySteps } from './memory-steps.js';

const BUDGET = 1000;

/** Seconds in which memory is what the function says, of the second and of what was done; tells the steps and collections. */
function run(steps: MemorySteps, seconds: number, bytesAt: (second: number, steps: MemorySteps) => number) {
  const log = Array.from({ length: seconds }, (_, second) => {
    const collected = steps.second(bytesAt(second, steps), BUDGET);
    return { collected, step: steps.step };
  });
  const changes = log.map(({ step }) => step).filter((step, index, all) => index === 0 || step !== all[index - 1]);
  return { collections: log.filter(({ collected }) => collected).length, changes };
}

describe('MemorySteps', () => {
  it('leaves packets alone where garbage is all that there is too much of', () => {
    const steps = new MemorySteps();
    let bytes = 200;
    let collections = 0;
    for (let second = 0; second < 300; second++) {
      bytes += 90;
      if (!steps.second(bytes, BUDGET)) continue;
      collections++;
      bytes = 200;
    }
    expect([collections > 20, steps.step, steps.isInTrouble]).toEqual([true, 'full', false]);
  });

  it('takes no step for garbage that comes faster than it is collected', () => {
    const steps = new MemorySteps();
    let bytes = 300;
    for (let second = 0; second < 60; second++) bytes = steps.second(bytes, BUDGET) ? 300 : bytes + 400;
    expect(steps.step).toBe('full');
  });

  it('collects no more often than it frees anything', () => {
    expect(run(new MemorySteps(), 300, () => 800)).toEqual({ collections: 1, changes: ['full'] });
  });

  it('keeps less where that frees memory, and all again when it has fallen', () => {
    const steps = new MemorySteps();
    const filling = run(steps, 60, (_, { step }) => (step === 'full' || step === 'headers' ? 1100 : 850));
    expect(filling.changes.slice(0, 4)).toEqual(['full', 'headers', 'sampled', 'headers']);
    expect(filling.changes).not.toContain('paused');
    expect(run(steps, 30, () => 400).changes.at(-1)).toBe('full');
    expect(steps.isInTrouble).toBe(false);
  });

  it('comes up again, slowly, from just below the budget', () => {
    const steps = new MemorySteps();
    run(steps, 10, () => 1100);
    expect(steps.step).toBe('headers');
    expect(run(steps, 50, () => 950).changes).toEqual(['headers']);
    expect(run(steps, 15, () => 950).changes).toEqual(['headers', 'full']);
  });

  it('keeps packets again where memory has fallen, for another reason, to what is over the budget still', () => {
    const steps = new MemorySteps();
    run(steps, 10, () => 780);
    expect(run(steps, 26, () => 1880).changes).toEqual(['full', 'headers', 'sampled', 'paused']);
    expect(run(steps, 60, () => 1110).changes).toEqual(['paused', 'full']);
    expect(steps.isInVain).toBe(true);
  });

  it('stays at a pause as long as that frees memory', () => {
    const steps = new MemorySteps();
    run(steps, 24, () => 2000);
    const falling = run(steps, 60, (second) => 2000 - 12 * second);
    expect(falling.changes).toEqual(['paused']);
  });

  it('keeps packets where even a pause frees nothing, and says so until memory falls', () => {
    const steps = new MemorySteps();
    expect(run(steps, 60, () => 1300).changes).toEqual(['full', 'headers', 'sampled', 'paused', 'full']);
    expect([steps.isInTrouble, steps.isInVain]).toEqual([true, true]);
    expect(run(steps, 600, () => 1350).changes).toEqual(['full']);
    run(steps, 12, () => 500);
    expect([steps.isInTrouble, steps.isInVain]).toEqual([false, false]);
  });

  it('tries its steps again where memory goes on growing', () => {
    const steps = new MemorySteps();
    run(steps, 60, () => 1300);
    expect(run(steps, 100, (second) => 1300 + 4 * second).changes).toEqual(['full']);
    expect(run(steps, 250, () => 1700).changes).toContain('headers');
  });

  it('tries them at once where memory has grown by much', () => {
    const steps = new MemorySteps();
    run(steps, 60, () => 1300);
    expect(run(steps, 3, () => 1850).changes.at(-1)).toBe('headers');
  });
});
