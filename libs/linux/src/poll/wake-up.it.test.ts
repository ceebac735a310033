import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { platform } from '../platform.js';
import { PollSet, waitReadable } from './poll-set.js';
import { WakeUp } from './wake-up.js';

const supported = platform();
const title = supported.ok ? 'a wake-up' : `a wake-up [skipped: ${supported.reason}]`;

describe.runIf(supported.ok)(title, () => {
  const open: WakeUp[] = [];
  const create = () => {
    const wakeUp = WakeUp.create();
    open.push(wakeUp);
    return wakeUp;
  };
  afterEach(() => {
    for (const wakeUp of open.splice(0)) wakeUp.close();
  });

  it('ends a poll that another thread is blocked in', async () => {
    const wakeUp = create();
    // The other way round than in the agent: here the worker wakes. It waits until this thread is about to block.
    const flag = new Int32Array(new SharedArrayBuffer(4));
    const worker = new Worker(
      `const { workerData: { flag, fd } } = require('node:worker_threads');
       Atomics.wait(flag, 0, 0);
       require('node:fs').writeSync(fd, Buffer.from(new BigUint64Array([1n]).buffer));`,
      { eval: true, workerData: { flag, fd: wakeUp.fd } },
    );
    const exited = new Promise((resolve) => worker.once('exit', resolve));
    await new Promise((resolve) => worker.once('online', resolve));
    Atomics.store(flag, 0, 1);
    Atomics.notify(flag, 0);
    expect(waitReadable([wakeUp.fd], 30_000)).toEqual([wakeUp.fd]);
    await exited;
  });

  it('before the poll is not lost', () => {
    const wakeUp = create();
    wakeUp.wake();
    expect(waitReadable([wakeUp.fd], 0)).toEqual([wakeUp.fd]);
  });

  it('counts once, however often it came, and is over when it is cleared', () => {
    const wakeUp = create();
    for (let i = 0; i < 3; i++) wakeUp.wake();
    wakeUp.clear();
    wakeUp.clear();
    expect(waitReadable([wakeUp.fd], 0)).toEqual([]);
  });

  it('is the same one by its descriptor, which only the owner closes', () => {
    const wakeUp = create();
    const other = WakeUp.ofDescriptor(wakeUp.fd);
    other.wake();
    other.close();
    expect(waitReadable([wakeUp.fd], 0)).toEqual([wakeUp.fd]);
  });

  it('does nothing once it is closed', () => {
    const wakeUp = create();
    wakeUp.close();
    const heir = create();
    wakeUp.wake();
    wakeUp.close();
    expect(waitReadable([heir.fd], 0)).toEqual([]);
  });

  it('tells which of several descriptors are ready', () => {
    const [first, second, third] = [create(), create(), create()];
    second.wake();
    third.wake();
    const poll = new PollSet([first.fd, second.fd, third.fd]);
    expect(poll.wait(0)).toBe(2);
    expect([0, 1, 2].map((index) => poll.isReadable(index))).toEqual([false, true, true]);
    second.clear();
    expect(poll.wait(0)).toBe(1);
    expect([0, 1, 2].map((index) => poll.isReadable(index))).toEqual([false, false, true]);
  });

  it('reports a descriptor that is none as faulty', () => {
    const poll = new PollSet([1_000_000]);
    expect(poll.wait(0)).toBe(1);
    expect([poll.isReadable(0), poll.isFaulty(0)]).toEqual([false, true]);
  });
});
