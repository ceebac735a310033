import { afterEach, describe, expect, it } from 'vitest';
import { platform } from '../platform.js';
import { EventSet } from './event-set.js';
import { WakeUp } from './wake-up.js';

const supported = platform();
const title = supported.ok ? 'an event set' : `an event set [skipped: ${supported.reason}]`;

describe.runIf(supported.ok)(title, () => {
  const open: { close(): void }[] = [];
  const opened = <T extends { close(): void }>(resource: T): T => {
    open.push(resource);
    return resource;
  };
  const wakeUps = (count: number) => Array.from({ length: count }, () => opened(WakeUp.create()));
  const setOf = (wakeUps: readonly WakeUp[]) => opened(new EventSet(wakeUps.map(({ fd }) => fd)));
  afterEach(() => {
    for (const resource of open.splice(0)) resource.close();
  });

  it('tells of something to read once, until more comes', () => {
    const [wakeUp] = wakeUps(1);
    const set = setOf([wakeUp!]);
    expect(set.wait(0)).toBe(0);
    wakeUp!.wake();
    expect([set.wait(0), set.isReadable(0), set.wait(0), set.isReadable(0)]).toEqual([1, true, 0, false]);
    wakeUp!.wake();
    expect([set.wait(0), set.isReadable(0)]).toEqual([1, true]);
  });

  it('tells of what was there when it was made', () => {
    const [wakeUp] = wakeUps(1);
    wakeUp!.wake();
    expect(setOf([wakeUp!]).wait(0)).toBe(1);
  });

  it('tells which, of several', () => {
    const three = wakeUps(3);
    const set = setOf(three);
    three[0]!.wake();
    three[2]!.wake();
    expect(set.wait(0)).toBe(2);
    expect([0, 1, 2].map((index) => set.isReadable(index))).toEqual([true, false, true]);
    expect([0, 1, 2].map((index) => set.isFaulty(index))).toEqual([false, false, false]);
  });

  it('refuses what is no descriptor', () => {
    expect(() => new EventSet([1_000_000])).toThrow(expect.objectContaining({ errno: 'EBADF' }));
  });

  it('waits for nothing at all, for a time', () => {
    expect(setOf([]).wait(1)).toBe(0);
  });
});
