import { beforeEach, describe, expect, it } from 'vitest';
import type { ReceivedRecord } from '../bus.js';
import { BatchMailbox } from './batch-mailbox.js';

const never = new AbortController().signal;
let orders: string[];
let mailbox: BatchMailbox;

beforeEach(() => {
  orders = [];
  mailbox = new BatchMailbox(
    {
      seek: (next) => orders.push(`seek ${next}`),
      pause: () => orders.push('pause'),
      resume: () => orders.push('resume'),
    },
    250,
    (next) => orders.push(`committed ${next}`),
  );
});

describe('BatchMailbox', () => {
  it('takes no batch before its reader has said where to read', async () => {
    expect(await mailbox.offer(0n, records(0, 1), true)).toBe(false);
    mailbox.seek(5n);
    expect(orders).toEqual(['seek 5', 'resume', 'committed 5']);
  });

  it('hands a batch over in slices of bounded size', async () => {
    mailbox.seek(0n);
    expect(await mailbox.offer(0n, records(0, 5), true)).toBe(true);
    const slices: bigint[][] = [];
    for (const next of [2n, 4n, 5n]) {
      slices.push((await mailbox.take(never))?.records.map(({ offset }) => offset) ?? []);
      mailbox.committed(next);
    }
    expect(slices).toEqual([[0n, 1n], [2n, 3n], [4n]]);
  });

  it('has the next batch wait until the last of this one is committed, and takes no third', async () => {
    mailbox.seek(0n);
    await mailbox.offer(0n, records(0, 3), true);
    const steps: string[] = [];
    const offered = mailbox.offer(3n, records(3, 1), true).then((isAccepted) => steps.push(`second: ${isAccepted}`));
    expect(await mailbox.offer(4n, records(4, 1), true)).toBe(false);
    for (const next of [2n, 3n]) {
      await mailbox.take(never);
      steps.push(`committed ${next}`);
      mailbox.committed(next);
    }
    await offered;
    expect(steps).toEqual(['committed 2', 'committed 3', 'second: true']);
    expect(await mailbox.take(never)).toMatchObject({ from: 3n, records: [{ offset: 3n }] });
  });

  it('hands over a record that is larger than a slice alone', async () => {
    mailbox.seek(0n);
    void mailbox.offer(0n, [record(0, 1_000), record(1, 10)], true);
    expect((await mailbox.take(never))?.records).toHaveLength(1);
  });

  it('says for which offset a slice was fetched, so that the reader sees when the log has moved', async () => {
    mailbox.seek(3n);
    void mailbox.offer(7n, records(7, 1), true);
    expect((await mailbox.take(never))?.from).toBe(7n);
  });

  it('has kafkajs wait for the reader where there is no more', async () => {
    mailbox.seek(0n);
    const steps: string[] = [];
    void mailbox.offer(0n, records(0, 2), false).then((isAccepted) => steps.push(`offered: ${isAccepted}`));
    await mailbox.take(never);
    steps.push('taken');
    mailbox.committed(2n);
    await Promise.resolve();
    expect(steps).toEqual(['taken', 'offered: true']);
    const offered = mailbox.offer(2n, records(2, 1), false);
    await mailbox.take(never);
    mailbox.park();
    expect(await offered).toBe(false);
  });

  it('drops what it has when the reader goes on elsewhere', async () => {
    mailbox.seek(0n);
    await mailbox.offer(0n, records(0, 5), true);
    const offered = mailbox.offer(5n, records(5, 1), true);
    await mailbox.take(never);
    mailbox.committed(1n);
    expect(await offered).toBe(false);
    expect(orders.slice(-3)).toEqual(['seek 1', 'resume', 'committed 1']);
    const taken = mailbox.take(never);
    await mailbox.offer(1n, records(1, 1), true);
    expect(await taken).toMatchObject({ from: 1n });
  });

  it('pauses the fetching and gives what it has back when parked', async () => {
    mailbox.seek(0n);
    await mailbox.offer(0n, records(0, 1), true);
    const offered = mailbox.offer(1n, records(1, 1), true);
    mailbox.park();
    expect(await offered).toBe(false);
    expect(await mailbox.offer(0n, records(0, 1), true)).toBe(false);
    expect(orders.at(-1)).toBe('pause');
  });

  it('gives no more orders once the partition is another reader’s', async () => {
    mailbox.seek(0n);
    await mailbox.offer(0n, records(0, 1), true);
    const offered = mailbox.offer(1n, records(1, 1), true);
    orders = [];
    mailbox.close();
    mailbox.seek(9n);
    mailbox.committed(3n);
    mailbox.park();
    expect(await offered).toBe(false);
    expect(orders).toEqual([]);
  });

  it('wakes a reader that waits, with a batch or with its end', async () => {
    mailbox.seek(0n);
    const taken = mailbox.take(never);
    void mailbox.offer(0n, records(0, 1), true);
    expect((await taken)?.records).toHaveLength(1);
    mailbox.committed(1n);
    const stopping = new AbortController();
    const waiting = mailbox.take(stopping.signal);
    stopping.abort();
    expect(await waiting).toBeUndefined();
  });
});

function records(first: number, count: number): ReceivedRecord[] {
  return Array.from({ length: count }, (_, index) => record(first + index, 100));
}

function record(offset: number, bytes: number): ReceivedRecord {
  return { offset: BigInt(offset), key: '', value: new Uint8Array(bytes), headers: {}, timestampMs: 0 };
}
