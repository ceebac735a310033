import { TailQuery, tailMediaTypes } from '@bpfleet/contract';
import type { TailPlace, TailSection, TailSpan } from '@bpfleet/store';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeSection, NOW_MS, NOW_NS, storedSection } from '../testing/sections.js';
import { TailService } from './tail.service.js';
import { TailSource } from './tail-source.js';

/** A log of a million sections, each of which is made when it is read. */
class LongLog extends TailSource {
  read = 0;
  listeners = 0;

  override async ends() {
    const end = { logId: 'log', partition: 0, next: 1_000_000n, replacement: 0n, replacedAtUs: 0 };
    return { ends: [end], nowUs: NOW_MS * 1000, retainedFromUs: 0 };
  }
  override async places(): Promise<TailPlace[]> {
    return [{ logId: 'log', partition: 0, next: 0n, replacement: 0n, storedFromUs: 0 }];
  }
  override async sections([span]: readonly TailSpan[], _: unknown, { limit }: { limit: number }) {
    return Array.from({ length: limit }, (_, index): TailSection => {
      const offset = span!.place.next + BigInt(index);
      const shape = { agent: 'host-1', epoch: 1, seq: Number(offset), filter: 'web@3', atNs: [NOW_NS] };
      this.read++;
      return { ...storedSection(makeSection(shape)), logId: 'log', partition: 0, offset, ingestedUs: 0 };
    });
  }
  override async firstOffset() {
    return undefined;
  }
  override async listen(_: () => void, signal: AbortSignal) {
    this.listeners++;
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    this.listeners--;
  }
}

describe('TailService', () => {
  let log: LongLog;
  let service: TailService;
  let ending: AbortController;

  beforeEach(() => {
    log = new LongLog();
    service = new TailService(log);
    ending = new AbortController();
  });
  afterEach(() => ending.abort());

  const follow = (since = '-10m') =>
    service.chunks(TailQuery.parse({ since }), undefined, tailMediaTypes.ndjson, NOW_MS, ending.signal);

  it('reads nothing that its receiver does not take', async () => {
    const chunks = follow();
    await chunks.next();
    expect(log.read).toBe(0);
    await chunks.next();
    const step = log.read;
    await chunks.next();
    expect(log.read).toBe(2 * step);
    await chunks.return();
  });
  it('listens on one connection for all tails, and on none when the last has gone', async () => {
    const tails = [follow(), follow(), follow()];
    for (const tail of tails) await tail.next();
    expect(log.listeners).toBe(1);
    for (const tail of tails) await tail.return();
    await expect.poll(() => log.listeners).toBe(0);
  });
  it('refuses more tails than it has room for, and takes one again when another has ended', async () => {
    const tails = Array.from({ length: 64 }, () => follow());
    for (const tail of tails) await tail.next();
    await expect(follow().next()).rejects.toMatchObject({ code: 'TOO_BUSY' });
    await tails[0]!.return();
    await expect(follow().next()).resolves.toMatchObject({ done: false });
  });
  it('ends with its signal', async () => {
    const tail = follow();
    await tail.next();
    ending.abort(new Error('gone'));
    await expect(tail.next()).rejects.toThrow('gone');
  });
});
