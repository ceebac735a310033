import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newestFirst, oldestFirst } from './packet-order.js';
import type { OrderedSection, SectionReader } from './section-reader.js';

interface FakePacket {
  readonly atNs: bigint;
  readonly id: string;
}
interface FakeSection extends OrderedSection {
  readonly packets: readonly FakePacket[];
}

function section(name: string, times: readonly number[]): FakeSection {
  const packets = times.map((at, index) => ({ atNs: BigInt(at), id: `${name}.${index}` }));
  const span = { tsMinNs: BigInt(Math.min(...times)), tsMaxNs: BigInt(Math.max(...times)) };
  return { packets, ...span, agent: name, epoch: 1, seq: 1, body: { byteLength: 100 } };
}

/** Over sections in memory, of which it knows what is in use: a packet takes one byte. */
class FakeReader implements SectionReader<FakeSection, FakePacket> {
  readonly opened: FakeSection[] = [];
  readonly openedAgain: FakeSection[] = [];
  readsAgain = Number.POSITIVE_INFINITY;

  constructor(private readonly sections: readonly FakeSection[] = []) {}

  open(one: FakeSection) {
    this.opened.push(one);
    return one.packets;
  }
  openAgain(one: FakeSection) {
    this.openedAgain.push(one);
    return one.packets;
  }
  async readAgain(names: readonly { readonly agent: string }[]) {
    if (this.readsAgain-- <= 0) return undefined;
    return this.sections.filter(({ agent }) => names.some((name) => name.agent === agent)).toReversed();
  }
  readonly sizeBytes = (packets: readonly FakePacket[]) => packets.length;
  readonly shrunk = (packets: readonly FakePacket[]) => packets;
}

/** Small numbers: overlaps, equal times and nested spans are the rule. */
const anySections = () =>
  fc
    .array(fc.array(fc.nat(30), { minLength: 1, maxLength: 6 }), { maxLength: 12 })
    .map((all) => all.map((times, index) => section(`s${index}`, times)));

const byMaxDescending = (sections: readonly FakeSection[]) =>
  sections.toSorted((a, b) => Number(b.tsMaxNs - a.tsMaxNs));
const byMinAscending = (sections: readonly FakeSection[]) => sections.toSorted((a, b) => Number(a.tsMinNs - b.tsMinNs));

async function* delivered<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}
const packetsOf = ({ packets }: FakeSection) => packets;
/** Bytes that may be held: from none, where all but one time is read again, to enough for all. */
const anyRoom = () => fc.nat(20);
const times = (packets: readonly FakePacket[]) => packets.map(({ atNs }) => atNs);
const ids = (packets: readonly FakePacket[]) => packets.map(({ id }) => id);

async function taken<T>(runs: AsyncGenerator<readonly T[]>): Promise<T[]> {
  const result: T[] = [];
  for await (const run of runs) {
    expect(run).not.toEqual([]);
    result.push(...run);
  }
  return result;
}

describe('newestFirst', () => {
  it('gives what sorting all packets gives, cut at the limit', async () => {
    await fc.assert(
      fc.asyncProperty(anySections(), fc.integer({ min: 1, max: 40 }), anyRoom(), async (sections, limit, room) => {
        const ordered = byMaxDescending(sections);
        // Of one time the section that was read first, and of one section the packet that was written last.
        const sorted = ordered.flatMap(({ packets }) => packets.toReversed());
        sorted.sort((a, b) => Number(b.atNs - a.atNs));
        const answer = await taken(newestFirst(delivered(ordered), new FakeReader(sections), limit, room));
        expect(ids(answer)).toEqual(ids(sorted.slice(0, limit)));
      }),
      { numRuns: 1000 },
    );
  });
  it('does not open a section that cannot hold a newer packet', async () => {
    const sections = [section('new', [8, 9]), section('overlapping', [3, 8]), section('old', [1, 7])];
    const reader = new FakeReader();
    expect(times(await taken(newestFirst(delivered(sections), reader, 3)))).toEqual([9n, 8n, 8n]);
    expect(reader.opened).toEqual(sections.slice(0, 2));
  });
  it('waits with an early packet of a wide section', async () => {
    const sections = [section('wide', [1, 9]), section('inside', [5, 6])];
    expect(times(await taken(newestFirst(delivered(sections), new FakeReader())))).toEqual([9n, 6n, 5n, 1n]);
  });
  it('takes the later of two packets of one time and section first', async () => {
    expect(ids(await taken(newestFirst(delivered([section('s', [5, 5, 5])]), new FakeReader())))).toEqual([
      's.2',
      's.1',
      's.0',
    ]);
  });
});

describe('oldestFirst', () => {
  it('gives what sorting all packets gives', async () => {
    await fc.assert(
      fc.asyncProperty(anySections(), anyRoom(), async (sections, room) => {
        const all = byMinAscending(sections).flatMap(packetsOf);
        // toSorted is stable: equal times stay in the order of their sections.
        const sorted = all.toSorted((a, b) => Number(a.atNs - b.atNs));
        const answer = oldestFirst(delivered(byMinAscending(sections)), new FakeReader(sections), room);
        expect(ids(await taken(answer))).toEqual(ids(sorted));
      }),
      { numRuns: 1000 },
    );
  });
  it('gives a packet out as soon as no later section can hold an older one', async () => {
    const seen: string[] = [];
    async function* sections(): AsyncGenerator<FakeSection> {
      yield section('first', [1, 2]);
      seen.push('next');
      yield section('second', [5]);
      seen.push('end');
    }
    for await (const run of oldestFirst(sections(), new FakeReader())) seen.push(...ids(run));
    expect(seen).toEqual(['next', 'first.0', 'first.1', 'end', 'second.0']);
  });
  it('reads sections again only where they do not fit', async () => {
    const sections = Array.from({ length: 40 }, (_, number) => section(`s${number}`, [number, 100 + number]));
    const roomy = new FakeReader(sections);
    await taken(oldestFirst(delivered(sections), roomy, 80));
    expect(roomy.openedAgain).toEqual([]);
    const narrow = new FakeReader(sections);
    expect(await taken(oldestFirst(delivered(sections), narrow, 10))).toHaveLength(80);
    // What fits is kept, and the rest is read in the order in which its turn comes: each once.
    expect(new Set(narrow.openedAgain).size).toBe(narrow.openedAgain.length);
    expect(narrow.openedAgain.length).toBeGreaterThan(30);
  });
  it('ends where there is no time to read a section again', async () => {
    const sections = Array.from({ length: 40 }, (_, number) => section(`s${number}`, [number, 100 + number]));
    const reader = new FakeReader(sections);
    reader.readsAgain = 0;
    const answer = await taken(oldestFirst(delivered(sections), reader, 10));
    const all = sections.flatMap(packetsOf).toSorted((a, b) => Number(a.atNs - b.atNs));
    expect(answer.length).toBeGreaterThanOrEqual(40);
    expect(ids(answer)).toEqual(ids(all.slice(0, answer.length)));
  });
  it('goes on without a section that is not stored any more', async () => {
    const sections = Array.from({ length: 20 }, (_, number) => section(`s${number}`, [number, 100 + number]));
    const answer = await taken(oldestFirst(delivered(sections), new FakeReader(sections.slice(0, 15)), 0));
    expect(times(answer)).toEqual(
      [...sections.map((_, number) => number), ...Array.from({ length: 15 }, (_, number) => 100 + number)].map(BigInt),
    );
  });
});
