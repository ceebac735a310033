import { LONGEST_COMMIT_US, type StoredEnds, type TailSection, type TailSpan } from '@bpfleet/store';
import { beforeEach, describe, expect, it } from 'vitest';
import { makeSection, NOW_MS, NOW_NS, storedSection } from '../testing/sections.js';
import type { TailCursor } from './tail-cursor.js';
import { TailReader } from './tail-reader.js';
import { TailSource } from './tail-source.js';

const HOUR_US = 3_600_000_000;
const NOW_US = NOW_MS * 1000;
const hoursAgo = (hours: number) => NOW_US - hours * HOUR_US;

/** Sections of one partition; retention may work in the middle of a step. */
class SmallStore extends TailSource {
  retainedUs = 0;
  questions = 0;
  end = { next: 10n, movedUs: hoursAgo(1.5), isNewest: true };
  beforeReading: () => void = () => {};

  constructor(public rows: { readonly offset: bigint; readonly ingestedUs: number }[]) {
    super();
  }

  override async ends(): Promise<StoredEnds> {
    const end = { logId: 'log', partition: 0, replacement: 0n, replacedAtUs: 0, ...this.end };
    return { ends: [end], nowUs: NOW_US, retainedFromUs: this.retainedUs };
  }
  override async places() {
    return [];
  }
  override async sections([{ place, end }]: readonly [TailSpan]) {
    this.beforeReading();
    const fromUs = place.storedFromUs - LONGEST_COMMIT_US;
    return this.rows
      .filter(({ offset, ingestedUs }) => offset >= place.next && offset < end && ingestedUs >= fromUs)
      .map(({ offset, ingestedUs }): TailSection => {
        const shape = { agent: 'host-1', epoch: 1, seq: Number(offset), filter: 'web@3', atNs: [NOW_NS] };
        return { ...storedSection(makeSection(shape)), logId: 'log', partition: 0, offset, ingestedUs };
      });
  }
  override async firstOffset({ place }: TailSpan, retainedFromUs: number) {
    return this.rows.find((row) => row.offset >= place.next && row.ingestedUs >= retainedFromUs)?.offset;
  }
  override async retainedFromUs() {
    this.questions++;
    return this.retainedUs;
  }
  override async givenUp() {
    return [];
  }
}

describe('TailReader, beside retention', () => {
  let store: SmallStore;

  // Offsets 0 to 4 of five hours ago, 5 to 9 of an hour and a half ago.
  beforeEach(() => {
    store = new SmallStore(
      Array.from({ length: 10 }, (_, offset) => {
        return { offset: BigInt(offset), ingestedUs: hoursAgo(offset < 5 ? 5 : 1.5) };
      }),
    );
  });

  /** @param next undefined: the partition is not among the places */
  const step = async (next: bigint | undefined, storedFromUs: number) => {
    const places = next === undefined ? [] : [{ logId: 'log', partition: 0, next, replacement: 0n, storedFromUs }];
    const cursor: TailCursor = { sinceNs: 0n, places, seenUs: storedFromUs, query: 'x' };
    const reader = new TailReader(store, { sinceNs: 0n });
    const {
      sections,
      gaps,
      cursor: behind,
    } = await reader.step(cursor, await store.ends(), new AbortController().signal);
    return { offsets: sections.map(({ offset }) => Number(offset)), gaps, next: behind.places[0]?.next };
  };
  const gap = (firstOffset: number, endOffset: number) => ({
    ...{ reason: 'not-retained', log: 'log', partition: 0 },
    ...{ firstOffset: `${firstOffset}`, endOffset: `${endOffset}`, records: `${endOffset - firstOffset}` },
  });
  const giveUpOldest = () => {
    store.retainedUs = hoursAgo(4);
  };
  const dropOldest = () => {
    store.rows = store.rows.filter(({ ingestedUs }) => ingestedUs >= hoursAgo(4));
  };

  it('tells of rows that went between the question for the ends and the reading', async () => {
    store.beforeReading = () => {
      giveUpOldest();
      dropOldest();
    };
    expect(await step(2n, hoursAgo(5))).toEqual({ offsets: [5, 6, 7, 8, 9], gaps: [gap(2, 5)], next: 10n });
  });
  it('tells of rows that are given up, also while their table is still there', async () => {
    giveUpOldest();
    expect(await step(2n, hoursAgo(5))).toEqual({ offsets: [5, 6, 7, 8, 9], gaps: [gap(2, 5)], next: 10n });
  });
  it('tells the same when the table goes in the middle of the step', async () => {
    giveUpOldest();
    store.beforeReading = dropOldest;
    expect(await step(2n, hoursAgo(5))).toEqual({ offsets: [5, 6, 7, 8, 9], gaps: [gap(2, 5)], next: 10n });
  });
  it('tells that all is gone when nothing is left', async () => {
    store.beforeReading = () => {
      store.retainedUs = hoursAgo(1);
      store.rows = [];
    };
    expect(await step(2n, hoursAgo(5))).toEqual({ offsets: [], gaps: [gap(2, 10)], next: 10n });
  });
  it('has nothing to tell a reader who is behind what went', async () => {
    store.beforeReading = () => {
      giveUpOldest();
      dropOldest();
    };
    expect(await step(5n, hoursAgo(2))).toEqual({ offsets: [5, 6, 7, 8, 9], gaps: [], next: 10n });
  });
  it('asks nothing of retention for a reader that keeps up', async () => {
    await step(9n, hoursAgo(0.1));
    expect(store.questions).toBe(0);
  });

  describe('of a log that has ended', () => {
    beforeEach(() => {
      store.end.isNewest = false;
    });

    it('forgets where it ended, so that cursors do not grow with each log there ever was', async () => {
      expect(await step(8n, hoursAgo(2))).toEqual({ offsets: [8, 9], gaps: [], next: undefined });
    });
    it('remembers it of the newest log, and of one that was stored a moment ago', async () => {
      store.end.isNewest = true;
      expect((await step(8n, hoursAgo(2))).next).toBe(10n);
      store.end = { ...store.end, isNewest: false, movedUs: NOW_US - LONGEST_COMMIT_US };
      expect((await step(8n, hoursAgo(2))).next).toBe(10n);
    });
    it('has nothing more to say of it, also when retention has given it up since', async () => {
      store.retainedUs = hoursAgo(0.1);
      store.rows = [];
      expect(await step(undefined, hoursAgo(1))).toEqual({ offsets: [], gaps: [], next: undefined });
    });
    it('gives out what comes all the same, and nothing twice', async () => {
      store.rows = [...store.rows, { offset: 10n, ingestedUs: hoursAgo(0.5) }];
      store.end = { ...store.end, next: 11n, movedUs: hoursAgo(0.5) };
      expect(await step(undefined, hoursAgo(1))).toEqual({ offsets: [10], gaps: [], next: undefined });
    });
    it('gives out all of one that came and ended since the reader last looked, or tells that it went', async () => {
      expect(await step(undefined, hoursAgo(6))).toMatchObject({ offsets: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], gaps: [] });
      giveUpOldest();
      expect(await step(undefined, hoursAgo(6))).toMatchObject({ offsets: [5, 6, 7, 8, 9], gaps: [gap(0, 5)] });
    });
  });
});
