import { createLogger } from '@bpfleet/service';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Prolonger } from './prolonger.js';

describe('Prolonger', () => {
  let until: string;
  let looks: number;
  let tries: number;
  let isAway: boolean;
  let prolonger: Prolonger;
  beforeEach(() => {
    until = 'monday';
    [looks, tries] = [0, 0];
    isAway = false;
    const look = (): string => {
      looks++;
      return until;
    };
    const prolong = async (): Promise<void> => {
      tries++;
      if (isAway) throw new Error('away');
    };
    prolonger = new Prolonger(look, prolong, createLogger({ name: 'test', level: 'silent' }), 1);
    prolonger.start();
  });
  afterEach(() => prolonger.stop());
  const moreLooks = (count: number) => {
    const before = looks;
    return expect.poll(() => looks - before).toBeGreaterThan(count);
  };

  it('does nothing while the end is the one that is stored', async () => {
    await moreLooks(10);
    expect(tries).toBe(0);
  });
  it('stores another end once', async () => {
    until = 'tuesday';
    await moreLooks(10);
    expect(tries).toBe(1);
  });
  it('tries again while the database is away', async () => {
    isAway = true;
    until = 'tuesday';
    await expect.poll(() => tries).toBeGreaterThan(3);
    isAway = false;
    await moreLooks(3);
    const settled = tries;
    await moreLooks(10);
    expect(tries).toBe(settled);
  });
  it('leaves nothing running', async () => {
    await prolonger.stop();
    const settled = looks;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(looks).toBe(settled);
  });
});
