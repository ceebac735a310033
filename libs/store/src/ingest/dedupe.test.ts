import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SectionRow } from '../rows.js';
import { advancesOf, fromMultirange, oneKeyEach, sectionKey, sortOut, toMultirange } from './dedupe.js';

const section = (seq: number, given: Partial<SectionRow> = {}): SectionRow => ({
  ...{ offset: BigInt(seq), agent: 'a', epoch: 1, seq, crc32: seq, tsMinNs: 1n, tsMaxNs: 2n, packets: 1 },
  ...{ filters: [], droppedByKernel: 0, clockSuspect: false, body: Uint8Array.of(seq) },
  ...given,
});

describe('toMultirange', () => {
  it('joins neighbours and keeps gaps', () => {
    expect(toMultirange([5, 3, 4, 9])).toBe('{[3,6),[9,10)}');
    expect(toMultirange([])).toBe('{}');
  });
  it('is undone by fromMultirange', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(200)), (seqs) => {
        expect(fromMultirange(toMultirange(seqs))).toEqual([...seqs].sort((a, b) => a - b));
      }),
    );
  });
});

describe('advancesOf', () => {
  it('sorts by agent as collation C does, then by epoch', () => {
    const mixed = [
      section(1, { agent: 'b' }),
      section(1, { agent: 'B', epoch: 10 }),
      section(1, { agent: 'B', epoch: 9 }),
    ];
    expect(advancesOf(mixed).map(({ agent, epoch }) => [agent, epoch])).toEqual([
      ['B', 9],
      ['B', 10],
      ['b', 1],
    ]);
  });
  it('takes the earliest packet of an epoch', () => {
    const [advance] = advancesOf([
      section(2, { tsMinNs: 7n }),
      section(1, { tsMinNs: 5n }),
      section(3, { tsMinNs: 6n }),
    ]);
    expect(advance).toEqual({ agent: 'a', epoch: 1, seqs: new Set([2, 1, 3]), firstNs: 5n });
  });
});

describe('oneKeyEach', () => {
  it('takes the first key of each epoch, and what nobody signed', () => {
    const rows = [
      section(0),
      section(1, { sessionKey: 'A' }),
      section(2, { sessionKey: 'B' }),
      section(3, { sessionKey: 'A' }),
    ];
    const elsewhere = [section(4, { sessionKey: 'B', epoch: 2 }), section(5, { sessionKey: 'B', agent: 'b' })];
    const { first, others } = oneKeyEach([...rows, ...elsewhere]);
    expect(first.map(({ seq }) => seq)).toEqual([0, 1, 3, 4, 5]);
    expect(others.map(({ seq }) => seq)).toEqual([2]);
    expect(advancesOf(first).map(({ agent, epoch, sessionKey }) => [agent, epoch, sessionKey])).toEqual([
      ['a', 1, 'A'],
      ['a', 2, 'B'],
      ['b', 1, 'B'],
    ]);
  });
});

describe('sortOut', () => {
  const stored = new Map<string, number | undefined>([
    [sectionKey(section(1)), 1],
    [sectionKey(section(2)), undefined],
  ]);

  it('drops what is stored with the same checksum', () => {
    expect(sortOut([section(1)], stored).duplicates).toHaveLength(1);
  });
  it('reports what is stored with another checksum', () => {
    expect(sortOut([section(1, { crc32: 99 })], stored).conflicts).toHaveLength(1);
  });
  it('drops what was stored once and removed by retention', () => {
    expect(sortOut([section(2, { crc32: 99 })], stored).duplicates).toHaveLength(1);
  });
  it('compares within the batch, too', () => {
    const { fresh, duplicates, conflicts } = sortOut([section(5), section(5), section(5, { crc32: 99 })], stored);
    expect([fresh.length, duplicates.length, conflicts.length]).toEqual([1, 1, 1]);
  });
  it('tells agents and epochs apart', () => {
    expect(sortOut([section(1, { agent: 'b' }), section(1, { epoch: 2 })], stored).fresh).toHaveLength(2);
  });
});
