import { BpfleetError } from '@bpfleet/errors';
import { describe, expect, it, vi } from 'vitest';
import type { LogPartition, PartitionHandler, ReceivedRecord } from '../bus.js';
import { FENCED_WAIT_MS, PartitionReader, type RecordSource, type Slice } from './partition-reader.js';

const log: LogPartition = { logId: 'log', topic: 't', partition: 3, bounds: async () => ({ first: 0n, end: 9n }) };
const one: readonly ReceivedRecord[] = [{ offset: 0n, key: '', value: new Uint8Array(), headers: {}, timestampMs: 0 }];

/** A reader over slices given beforehand; when they are used up it waits. `story` is what happened, in order. */
function read(slices: readonly Slice[], handler: Partial<PartitionHandler> = {}) {
  const story: string[] = [];
  const errors: unknown[] = [];
  const left = [...slices];
  let isIdle: () => void = () => undefined;
  const idle = new Promise<void>((resolve) => {
    isIdle = resolve;
  });
  const source: RecordSource = {
    seek: (next) => story.push(`seek ${next}`),
    take: (signal) => {
      const slice = left.shift();
      if (slice) return Promise.resolve(slice);
      isIdle();
      return new Promise((resolve) => signal.addEventListener('abort', () => resolve(undefined)));
    },
    committed: (next) => story.push(`committed ${next}`),
    park: () => story.push('park'),
  };
  const told: PartitionHandler = {
    assigned: async () => 0n,
    read: async () => 1n,
    revoked: async () => undefined,
    ...handler,
  };
  const reader = new PartitionReader(told, log, source, (error) => errors.push(error), { firstMs: 1, maxMs: 1 });
  reader.start();
  return { reader, idle, story, errors };
}

describe('PartitionReader', () => {
  it('asks where to begin, hands over, and commits what the handler answers', async () => {
    const { reader, idle, story } = read([{ from: 0n, records: one }]);
    await idle;
    await reader.stop();
    expect(story).toEqual(['seek 0', 'committed 1', 'park']);
  });

  it('asks anew at once when the log has moved, and complains when that does not help', async () => {
    const moved = { from: 5n, records: one };
    const { reader, idle, errors, story } = read([moved, moved, { from: 0n, records: one }]);
    await idle;
    await reader.stop();
    expect(story.filter((step) => step === 'seek 0')).toHaveLength(3);
    expect(errors).toMatchObject([{ code: 'INTERNAL', message: 't[3] has no offset 0, its log goes on at 5' }]);
  });

  it('takes nothing back from another owner before it can have heard that the partition is his', async () => {
    vi.useFakeTimers();
    try {
      let reads = 0;
      const taken = { from: 0n, records: one };
      const { reader, idle, story } = read([taken, taken], {
        read: async () => {
          if (reads++ === 0) throw new BpfleetError('FENCED', 'another owner');
          return 1n;
        },
      });
      await vi.advanceTimersByTimeAsync(FENCED_WAIT_MS - 1);
      expect(story).toEqual(['seek 0', 'park']);
      await vi.advanceTimersByTimeAsync(1);
      await idle;
      await reader.stop();
      expect(story).toEqual(['seek 0', 'park', 'seek 0', 'committed 1', 'park']);
    } finally {
      vi.useRealTimers();
    }
  });

  it('asks at once, and then ever later, a handler that does not know its position any more', async () => {
    vi.useFakeTimers();
    try {
      let reads = 0;
      const taken = { from: 0n, records: one };
      const { reader, idle, story } = read([taken, taken, taken], {
        read: async () => {
          if (reads++ < 2) throw new BpfleetError('POSITION_UNKNOWN', 'a commit failed');
          return 1n;
        },
      });
      await vi.advanceTimersByTimeAsync(0);
      expect(story).toEqual(['seek 0', 'park', 'seek 0', 'park']);
      await vi.advanceTimersByTimeAsync(2);
      await idle;
      await reader.stop();
      expect(story.slice(4)).toEqual(['seek 0', 'committed 1', 'park']);
    } finally {
      vi.useRealTimers();
    }
  });

  it('does not report that a read was interrupted because it was told to', async () => {
    const { reader, errors } = read([{ from: 0n, records: one }], {
      read: (_log, _records, signal) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error));
          queueMicrotask(() => void reader.stop());
        }),
    });
    await reader.stop();
    expect(errors).toEqual([]);
  });

  it('reads nothing when it is stopped while the handler still looks for its position', async () => {
    let answer: (next: bigint) => void = () => undefined;
    const { reader, story } = read([{ from: 0n, records: one }], {
      assigned: () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    });
    const stopped = reader.stop();
    answer(0n);
    await stopped;
    expect(story).toEqual(['park']);
  });
});
