import { describe, expect, it } from 'vitest';
import type { LogPartition, PartitionHandler } from '../bus.js';
import { PartitionReader, type RecordSource } from './partition-reader.js';
import { PartitionSlot } from './partition-slot.js';

const log: LogPartition = { logId: 'log', topic: 't', partition: 0, bounds: async () => ({ first: 0n, end: 0n }) };

/** A source in which nothing ever arrives. */
const silent: RecordSource = {
  seek: () => undefined,
  take: (signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve(undefined))),
  committed: () => undefined,
  park: () => undefined,
};

/** Writes down what it is told; `assigned` of a slow one is answered by `answer`. */
function handler(name: string, calls: string[], isSlow = false) {
  let answer: () => void = () => undefined;
  const mayAnswer = isSlow ? new Promise<void>((resolve) => (answer = resolve)) : Promise.resolve();
  const told: PartitionHandler = {
    assigned: async () => {
      calls.push(`${name} assigned`);
      await mayAnswer;
      calls.push(`${name} answers`);
      return 0n;
    },
    read: async () => 0n,
    revoked: async () => {
      calls.push(`${name} revoked`);
    },
  };
  return { told, answer: () => answer() };
}

const reader = (of: PartitionHandler) =>
  new PartitionReader(of, log, silent, () => undefined, { firstMs: 1, maxMs: 1 });

describe('PartitionSlot', () => {
  it('lets the next owner begin only when the one before has come back and was told', async () => {
    const calls: string[] = [];
    const slot = new PartitionSlot(() => undefined);
    const a = handler('a', calls, true);
    const b = handler('b', calls);
    await slot.handOver(reader(a.told));
    const handedOver = slot.handOver(reader(b.told));
    expect(calls).toEqual(['a assigned']);
    a.answer();
    await handedOver;
    expect(calls.slice(0, 4)).toEqual(['a assigned', 'a answers', 'a revoked', 'b assigned']);
    await slot.handOver(undefined);
    expect(calls.at(-1)).toBe('b revoked');
  });

  it('tells an owner that keeps the partition only that it is assigned again', async () => {
    const calls: string[] = [];
    const slot = new PartitionSlot(() => undefined);
    const { told } = handler('a', calls);
    await slot.handOver(reader(told));
    await slot.handOver(reader(told));
    expect(calls).not.toContain('a revoked');
    expect(calls.filter((call) => call === 'a assigned')).toHaveLength(2);
    await slot.handOver(undefined);
    expect(calls.at(-1)).toBe('a revoked');
  });

  it('does not trouble an owner that was replaced before it could begin', async () => {
    const calls: string[] = [];
    const slot = new PartitionSlot(() => undefined);
    const a = handler('a', calls, true);
    await slot.handOver(reader(a.told));
    const hasty = [handler('b', calls), handler('c', calls)].map(({ told }) => slot.handOver(reader(told)));
    a.answer();
    await Promise.all(hasty);
    expect(calls.some((call) => call.startsWith('b'))).toBe(false);
    expect(calls).toContain('c assigned');
    await slot.handOver(undefined);
  });

  it('goes on when an owner cannot let go, and reports it', async () => {
    const calls: string[] = [];
    const errors: unknown[] = [];
    const slot = new PartitionSlot((error) => errors.push(error));
    const { told } = handler('a', calls);
    told.revoked = () => Promise.reject(new Error('stuck'));
    await slot.handOver(reader(told));
    await slot.handOver(reader(handler('b', calls).told));
    expect(calls).toContain('b assigned');
    expect(errors).toMatchObject([{ message: 'stuck' }]);
    await slot.handOver(undefined);
  });
});
