import { describe, expect, it } from 'vitest';
import { type Component, Lifecycle } from './lifecycle.js';

/** A lifecycle of `a`, `b`, `c` that writes down what happens. */
function recorded(overrides: Record<string, Partial<Component>> = {}) {
  const events: string[] = [];
  const lifecycle = new Lifecycle(1000);
  for (const name of ['a', 'b', 'c']) {
    lifecycle.add({
      name,
      start: () => void events.push(`start ${name}`),
      stop: () => void events.push(`stop ${name}`),
      ...overrides[name],
    });
  }
  return { events, lifecycle };
}
const fail = (message: string) => () => Promise.reject(new Error(message));

describe('Lifecycle', () => {
  it('starts in order and stops in reverse', async () => {
    const { events, lifecycle } = recorded();
    await lifecycle.start();
    await lifecycle.stop();
    expect(events).toEqual(['start a', 'start b', 'start c', 'stop c', 'stop b', 'stop a']);
  });

  it('stops what was started, the failed one included, when a start fails', async () => {
    const { events, lifecycle } = recorded({ b: { start: fail('no database') } });
    await expect(lifecycle.start()).rejects.toThrow('no database');
    expect(events).toEqual(['start a', 'stop b', 'stop a']);
  });

  it('stops once, however often it is asked', async () => {
    const { events, lifecycle } = recorded();
    await lifecycle.start();
    await Promise.all([lifecycle.stop(), lifecycle.stop()]);
    await lifecycle.stop();
    expect(events.filter((event) => event.startsWith('stop'))).toHaveLength(3);
  });

  it('stops the others when one fails to, and then says so', async () => {
    const { events, lifecycle } = recorded({ b: { stop: fail('stuck') } });
    await lifecycle.start();
    await expect(lifecycle.stop()).rejects.toThrow('stuck');
    expect(events.slice(3)).toEqual(['stop c', 'stop a']);
  });

  it('gives up on a stop that takes too long and names it', async () => {
    const { events, lifecycle } = recorded({ c: { stop: () => new Promise(() => {}), stopTimeoutMs: 5 } });
    await lifecycle.start();
    await expect(lifecycle.stop()).rejects.toThrow('c did not stop within 5 ms');
    expect(events.slice(3)).toEqual(['stop b', 'stop a']);
  });

  it('lets a start that is under way end before it stops it, and starts nothing more', async () => {
    let ready = (): void => undefined;
    const { events, lifecycle } = recorded({
      a: {
        start: (stopping) =>
          new Promise<void>((resolve) => {
            ready = resolve;
            stopping.addEventListener('abort', () => events.push('a hears of it'));
          }),
      },
    });
    const starting = lifecycle.start();
    const stopping = lifecycle.stop();
    events.push('stop is asked for');
    ready();
    await Promise.all([starting, stopping]);
    expect(events).toEqual(['a hears of it', 'stop is asked for', 'stop a']);
  });

  it('stops what hangs in its start after the deadline', async () => {
    const { events, lifecycle } = recorded({ b: { start: () => new Promise(() => {}), stopTimeoutMs: 5 } });
    void lifecycle.start();
    await expect.poll(() => events).toEqual(['start a']);
    await expect(lifecycle.stop()).rejects.toThrow('b was still starting');
    expect(events).toEqual(['start a', 'stop b', 'stop a']);
  });
});
