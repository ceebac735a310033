import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import type { RecordHeader } from '../record-header.js';
import type { SectionStore, StoredSection } from '../section-store.js';
import { aSection } from './records.js';

/** A store under test, with the side that sections come from. */
export interface StoreUnderTest {
  readonly store: SectionStore;
  /** A section of 3 packets. */
  add(seq: number, bytes: number, more?: Partial<RecordHeader>): void;
  /** The process is killed and the next one opens what there is; absent where nothing survives that. */
  kill?(): Promise<void>;
  close(): Promise<void>;
}

export type OpenStore = (limits: { readonly maxBytes: number }) => Promise<StoreUnderTest>;

/** What every `SectionStore` must do; read downwards, it explains the interface. */
export function describeSectionStore(name: string, openStore: OpenStore): void {
  describe(name, () => {
    let opened: StoreUnderTest[] = [];
    const open = async (maxBytes = 1 << 30): Promise<StoreUnderTest> => {
      const test = await openStore({ maxBytes });
      opened.push(test);
      return test;
    };
    afterEach(async () => {
      for (const test of opened) await test.close();
      opened = [];
    });

    it('has nothing at first', async () => {
      const { store } = await open();
      await store.refresh();
      expect(store.peek()).toBeUndefined();
      expect(await store.take(1000)).toEqual([]);
      expect(store.counts.waiting).toEqual({ sections: 0, packets: 0, bytes: 0 });
    });

    it('gives the oldest sections, as many as fit, and one that is too large alone', async () => {
      const { store, add } = await open();
      for (const [seq, bytes] of [5000, 100, 100, 5000].entries()) add(seq, bytes);
      await store.refresh();
      const seqs: number[][] = [];
      for (let batch = await store.take(3000); batch.length > 0; batch = await store.take(3000)) {
        seqs.push(seqsOf(batch));
        await store.acknowledge();
      }
      expect(seqs).toEqual([[0], [1, 2], [3]]);
    });

    it('counts the names of versions, which are sent along', async () => {
      const { store, add } = await open();
      const filters = Array.from({ length: 1000 }, (_, index) => `a-filter-of-many-${index}@1`);
      for (let seq = 0; seq < 3; seq++) add(seq, 1000, { filters });
      await store.refresh();
      expect(seqsOf(await store.take(40_000))).toEqual([0]);
    });

    it('gives the bytes and the header that it got', async () => {
      const { store, add } = await open();
      add(7, 1234, { epoch: 42, filters: ['a@1'], tsMaxNs: 5n });
      await store.refresh();
      expect(store.peek()).toMatchObject({ epoch: 42, seq: 7 });
      const [section] = await store.take(1);
      expect(section?.header).toMatchObject({ seq: 7, epoch: 42, packets: 3, filters: ['a@1'], tsMaxNs: 5n });
      expect(Buffer.compare(section!.bytes, aSection(7, 1234))).toBe(0);
    });

    it('gives the same sections again until they are acknowledged, more or less of them if that is asked for', async () => {
      const { store, add } = await open();
      for (let seq = 0; seq < 3; seq++) add(seq, 100);
      await store.refresh();
      expect(seqsOf(await store.take(1 << 20))).toEqual([0, 1, 2]);
      expect(seqsOf(await store.take(1))).toEqual([0]);
      await store.acknowledge();
      expect(store.counts.waiting).toMatchObject({ sections: 2, packets: 6 });
      expect(seqsOf(await store.take(1 << 20))).toEqual([1, 2]);
    });

    it('acknowledges nothing that was not taken', async () => {
      const { store, add } = await open();
      add(0, 100);
      await store.refresh();
      await store.acknowledge();
      await store.giveUp();
      expect(seqsOf(await store.take(1000))).toEqual([0]);
      await store.acknowledge();
      await store.acknowledge();
      add(1, 100);
      await store.refresh();
      expect(seqsOf(await store.take(1000))).toEqual([1]);
    });

    it('counts what can never be delivered as evicted, by epoch', async () => {
      const { store, add } = await open();
      add(0, 100, { epoch: 8 });
      add(1, 100, { epoch: 8 });
      add(2, 100, { epoch: 9 });
      await store.refresh();
      await store.take(1);
      await store.giveUp();
      expect(store.counts.evicted).toMatchObject({ sections: 1, packets: 3 });
      expect([...store.counts.evictedOf.keys()]).toEqual([8]);
      expect(seqsOf(await store.take(1 << 20))).toEqual([1, 2]);
    });

    it('gives up the oldest over its limit, but nothing in flight', async () => {
      const { store, add } = await open(6_000);
      for (let seq = 0; seq < 2; seq++) add(seq, 1000);
      await store.refresh();
      expect(seqsOf(await store.take(1))).toEqual([0]);
      for (let seq = 2; seq < 12; seq++) add(seq, 1000);
      await store.refresh();
      await store.acknowledge();
      const rest = seqsOf(await store.take(1 << 20));
      expect(rest.at(-1)).toBe(11);
      expect(rest[0]).toBe(12 - rest.length);
      expect(store.counts.evicted).toMatchObject({ sections: 11 - rest.length, packets: 3 * (11 - rest.length) });
      expect(rest.length).toBeGreaterThan(2);
    });

    it('takes calls that overlap one after the other', async () => {
      const { store, add } = await open();
      for (let seq = 0; seq < 4; seq++) add(seq, 100);
      const [, first, , second, , rest] = await Promise.all([
        store.refresh(),
        store.take(1),
        store.acknowledge(),
        store.take(1),
        store.refresh(),
        store.take(1 << 20),
      ]);
      expect([first, second, rest].map(seqsOf)).toEqual([[0], [1], [1, 2, 3]]);
    });

    it('has each section either sent, waiting or given up, whatever happens in whatever order', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 120 }), async (steps) => {
          const test = await open(5_000);
          await new Model(test).play(steps);
          await test.close();
        }),
        { numRuns: 200 },
      );
    }, 120_000);
  });
}

const seqsOf = (sections: readonly StoredSection[]): number[] => sections.map(({ header }) => header.seq);

type Step = { readonly kind: 'add' | 'refresh' | 'take' | 'acknowledge' | 'giveUp' | 'kill'; readonly bytes: number };
const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom<Step['kind']>(
    ...(['add', 'add', 'add', 'add', 'refresh', 'refresh', 'take', 'take', 'acknowledge', 'giveUp', 'kill'] as const),
  ),
  bytes: fc.integer({ min: 1, max: 2_500 }),
});

/** What a store must still have, told by what it was given and what it gave. */
class Model {
  #added = 0;
  #sent = 0;
  #givenUp = 0;
  #taken: number[] = [];
  /** Sections that may come next: all before are sent or given up. */
  #next = 0;

  constructor(private readonly test: StoreUnderTest) {}

  async play(steps: readonly Step[]): Promise<void> {
    for (const { kind, bytes } of steps) {
      if (kind === 'add') this.test.add(this.#added++, bytes, this.#header());
      else if (kind === 'take') await this.#take(bytes);
      else if (kind === 'refresh') await this.test.store.refresh();
      else if (kind === 'kill') await this.#kill();
      else await this.#finish(kind);
    }
    await this.test.store.refresh();
    this.#check();
    await this.#drain();
  }

  #header(): Partial<RecordHeader> {
    const tally = { sections: this.#added, packets: 3 * this.#added };
    return { closed: tally, spooled: tally };
  }

  async #take(bytes: number): Promise<void> {
    const sections = await this.test.store.take(bytes);
    this.#taken = seqsOf(sections);
    for (const { header, bytes: content } of sections) {
      expect(Buffer.compare(content, aSection(header.seq, content.length))).toBe(0);
    }
    const [first] = this.#taken;
    if (first === undefined) return;
    expect(first).toBeGreaterThanOrEqual(this.#next);
    // Not always without gaps: what was given up may lie behind what is in flight, and that is taken again.
    expect(this.#taken).toEqual([...new Set(this.#taken)].sort((a, b) => a - b));
  }

  async #finish(kind: 'acknowledge' | 'giveUp'): Promise<void> {
    await this.test.store[kind]();
    if (kind === 'acknowledge') this.#sent += this.#taken.length;
    else this.#givenUp += this.#taken.length;
    this.#next = Math.max(this.#next, (this.#taken.at(-1) ?? -1) + 1);
    this.#taken = [];
  }

  async #kill(): Promise<void> {
    if (this.test.kill === undefined) return;
    await this.test.kill();
    this.#taken = [];
  }

  #check(): void {
    const { waiting, evicted, evictedOf, damaged } = this.test.store.counts;
    expect(this.#sent + evicted.sections + waiting.sections).toBe(this.#added);
    expect(evicted.sections).toBeGreaterThanOrEqual(this.#givenUp);
    expect([waiting.packets, evicted.packets]).toEqual([3 * waiting.sections, 3 * evicted.sections]);
    expect(evictedOf.get(100)?.sections ?? 0).toBe(evicted.sections);
    expect(damaged).toEqual({ sections: 0, packets: 0, bytes: 0 });
    if (waiting.sections > this.#taken.length) expect(waiting.bytes).toBeLessThanOrEqual(5_000);
  }

  /** All that waits comes, in order, and the newest is among it. */
  async #drain(): Promise<void> {
    const { store } = this.test;
    const rest: number[] = [];
    const expected = store.counts.waiting.sections;
    for (let batch = await store.take(1 << 20); batch.length > 0; batch = await store.take(1 << 20)) {
      rest.push(...seqsOf(batch));
      await store.acknowledge();
    }
    expect(rest).toHaveLength(expected);
    expect(rest).toEqual([...rest].sort((a, b) => a - b));
    expect(store.counts.waiting).toEqual({ sections: 0, packets: 0, bytes: 0 });
  }
}
