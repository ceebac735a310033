import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { Notice } from './notice.js';

describe('Notice', () => {
  it('is given once until it is taken', () => {
    const notice = new Notice();
    const other = new Notice(notice.memory);
    expect([notice.give(), notice.give(), other.give()]).toEqual([true, false, false]);
    other.take();
    expect([notice.give(), notice.give()]).toEqual([true, false]);
  });

  it('leaves nothing unseen: who looks after taking it has seen everything, or is woken again', async () => {
    const notice = new Notice();
    const done = new Int32Array(new SharedArrayBuffer(4));
    const worker = new Worker(GIVER, {
      eval: true,
      workerData: { given: notice.memory, done: done.buffer, count: 200_000 },
    });
    let woken = 0;
    let seen = 0;
    worker.on('message', () => {
      woken++;
      notice.take();
      seen = Atomics.load(done, 0);
    });
    await once(worker, 'exit');
    expect(seen).toBe(200_000);
    expect(woken).toBeLessThan(200_000);
  });
});

/** `Notice.give` behind each of `count` steps. */
const GIVER = `
  const { parentPort, workerData } = require('node:worker_threads');
  const [given, done] = [new Int32Array(workerData.given), new Int32Array(workerData.done)];
  for (let step = 1; step <= workerData.count; step++) {
    Atomics.store(done, 0, step);
    if (Atomics.exchange(given, 0, 1) === 0) parentPort.postMessage('given');
  }
`;
