import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { ArrivingRows } from './arriving-rows.js';

/** Rows that the test brings one by one. */
function made() {
  let add!: (row: string) => void;
  let end!: () => void;
  let fail!: (error: Error) => void;
  const rows = new ArrivingRows<string>((given) => {
    add = given;
    return new Promise((resolve, reject) => {
      end = resolve;
      fail = reject;
    });
  });
  return { rows, add, end, fail };
}

describe('ArrivingRows', () => {
  it('gives each row as soon as it is there, before the others have arrived', async () => {
    const { rows, add, end } = made();
    const first = rows.take();
    add('a');
    expect(await first).toBe('a');
    add('b');
    add('c');
    expect([rows.waiting, rows.count, rows.last]).toEqual([2, 3, 'c']);
    expect([await rows.take(), await rows.take()]).toEqual(['b', 'c']);
    const behind = rows.take();
    end();
    expect(await behind).toBeUndefined();
    expect([rows.waiting, rows.count, await rows.take()]).toEqual([0, 3, undefined]);
  });
  it('keeps what is not taken, also when all have arrived', async () => {
    const { rows, add, end } = made();
    for (const row of ['a', 'b']) add(row);
    end();
    await setImmediate();
    expect([await rows.take(), await rows.take(), await rows.take()]).toEqual(['a', 'b', undefined]);
  });
  it('tells of a failure behind the rows before it, and only to who takes', async () => {
    const { rows, add, fail } = made();
    add('a');
    fail(new Error('gone'));
    await setImmediate();
    expect(await rows.take()).toBe('a');
    await expect(rows.take()).rejects.toThrow('gone');
    await expect(rows.take()).rejects.toThrow('gone');
  });
  it('wakes who waits when it fails', async () => {
    const { rows, fail } = made();
    const taken = rows.take();
    fail(new Error('gone'));
    await expect(taken).rejects.toThrow('gone');
  });
});
