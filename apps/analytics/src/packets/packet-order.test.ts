import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newestFirst, oldestFirst, type SectionSpan } from './packet-order.js';

interface FakePacket {
  readonly atNs: bigint;
  readonly id: string;
}
interface FakeSection extends SectionSpan {
  readonly packets: readonly FakePacket[];
}

function section(name: string, times: readonly number[]): FakeSection {
  const packets = times.map((at, index) => ({ atNs: BigInt(at), id: `${name}.${index}` }));
  return { packets, tsMinNs: BigInt(Math.min(...times)), tsMaxNs: BigInt(Math.max(...times)) };
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
const open = ({ packets }: FakeSection) => packets;
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
      fc.asyncProperty(anySections(), fc.integer({ min: 1, max: 40 }), async (sections, limit) => {
        const all = sections.flatMap(open);
        const sorted = all.toSorted((a, b) => Number(b.atNs - a.atNs)).slice(0, limit);
        const answer = await taken(newestFirst(delivered(byMaxDescending(sections)), open, limit));
        expect(times(answer)).toEqual(times(sorted));
        expect(new Set(ids(answer)).size).toBe(answer.length);
        expect(ids(all)).toEqual(expect.arrayContaining(ids(answer)));
      }),
      { numRuns: 1000 },
    );
  });
  it('does not open a section that cannot hold a newer packet', async () => {
    const opened: FakeSection[] = [];
    const sections = [section('new', [8, 9]), section('overlapping', [3, 8]), section('old', [1, 7])];
    const record = (one: FakeSection) => {
      opened.push(one);
      return one.packets;
    };
    expect(times(await taken(newestFirst(delivered(sections), record, 3)))).toEqual([9n, 8n, 8n]);
    expect(opened).toEqual(sections.slice(0, 2));
  });
  it('waits with an early packet of a wide section', async () => {
    const sections = [section('wide', [1, 9]), section('inside', [5, 6])];
    expect(times(await taken(newestFirst(delivered(sections), open)))).toEqual([9n, 6n, 5n, 1n]);
  });
  it('takes the later of two packets of one time and section first', async () => {
    expect(ids(await taken(newestFirst(delivered([section('s', [5, 5, 5])]), open)))).toEqual(['s.2', 's.1', 's.0']);
  });
});

describe('oldestFirst', () => {
  it('gives what sorting all packets gives', async () => {
    await fc.assert(
      fc.asyncProperty(anySections(), async (sections) => {
        const all = byMinAscending(sections).flatMap(open);
        // toSorted is stable: equal times stay in the order of their sections.
        const sorted = all.toSorted((a, b) => Number(a.atNs - b.atNs));
        expect(ids(await taken(oldestFirst(delivered(byMinAscending(sections)), open)))).toEqual(ids(sorted));
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
    for await (const run of oldestFirst(sections(), open)) seen.push(...ids(run));
    expect(seen).toEqual(['next', 'first.0', 'first.1', 'end', 'second.0']);
  });
});
