import { crc32 } from 'node:zlib';
import {
  bitsOf,
  hashOf,
  layerOf,
  MOST_TOKENS,
  makeBloom,
  mayHold,
  OPAQUE,
  type SectionIndex,
  type SectionTest,
  TokenSet,
} from '@bpfleet/pruning';
import { createDatabase, type TestDatabase } from '@bpfleet/test-environment';
import { postgres, suiteRequires } from '@bpfleet/test-environment/requirements';
import fc from 'fast-check';
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { IngestStore } from '../ingest/ingest-store.js';
import { createPool } from '../pool.js';
import type { SectionRow } from '../rows.js';
import { analyticsDatabase } from '../testing/analytics-database.js';
import { sectionTestSql } from './section-test-sql.js';

/** Filters of every size, an empty one, and a section that nobody looked into. */
const TOKENS = [1, 20, 100, 103, 300, 700, 1500, 3000, 6000, MOST_TOKENS, 0, undefined];
const KIND = 9;
const LAYERS = [layerOf.linkType(1), layerOf.etherType(0x0800), layerOf.protocol(6), layerOf.protocol(17)];

/** Row n has each token whose number is divisible by n + 1, as far as there is room. */
function indexOf(tokens: number | undefined, row: number): SectionIndex {
  if (tokens === undefined) return OPAQUE;
  const set = new TokenSet();
  for (let index = 0; index < tokens; index++) set.add(KIND, index * (row + 1));
  const layers = LAYERS.filter((_, index) => (row >> index) & 1).toSorted((a, b) => a - b);
  return { bloom: tokens === 0 ? undefined : makeBloom(set), layers, opaque: false };
}

const rows: SectionRow[] = TOKENS.map((tokens, row) => {
  const body = Buffer.from(`section ${row}`);
  return {
    ...{
      offset: BigInt(row),
      agent: 'a',
      epoch: 1,
      seq: row,
      crc32: crc32(body),
      tsMinNs: 1n,
      tsMaxNs: 2n,
      packets: 1,
    },
    ...{ filters: ['web@3'], droppedByKernel: 0, clockSuspect: false, body, index: indexOf(tokens, row) },
  };
});

const anyBits = fc
  .oneof(fc.nat({ max: 60 }), fc.nat({ max: 1_000_000 }))
  .map((token): SectionTest => ({ kind: 'bits', bits: bitsOf(...hashOf(KIND, [token])) }));

const { test: anyTest } = fc.letrec<{ test: SectionTest }>((tie) => ({
  test: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    anyBits,
    fc.subarray(LAYERS).map((anyOf): SectionTest => ({ kind: 'layers', anyOf })),
    fc.constantFrom<SectionTest>({ kind: 'all' }, { kind: 'none' }),
    // Long enough to be asked for as a list: of hosts with a prefix each, of ports, of both.
    fc
      .array(
        fc.oneof(
          anyBits,
          fc.tuple(anyBits, anyBits).map((parts): SectionTest => ({ kind: 'and', parts })),
        ),
        {
          ...{ minLength: 6, maxLength: 30 },
        },
      )
      .map((parts): SectionTest => ({ kind: 'or', parts })),
    fc.record({
      kind: fc.constantFrom('and', 'or'),
      parts: fc.array(tie('test'), { minLength: 1, maxLength: 4 }),
    }) as fc.Arbitrary<SectionTest>,
  ),
}));

suiteRequires('sectionTestSql', { postgres: await postgres() }, ({ postgres: server }) => {
  let database: TestDatabase;
  let pool: pg.Pool;
  beforeAll(async () => {
    database = await createDatabase(server.connection, analyticsDatabase);
    pool = createPool({ connection: database.connection, name: 'test', onError: () => {} });
    const ingest = new IngestStore(pool);
    const position = await ingest.takePosition('log', 0, 'test');
    const rest = { next: BigInt(rows.length), flowsOf: () => [], losses: [], quarantined: [] };
    await ingest.commit({ position, sections: rows, ...rest });
  });
  afterAll(async () => {
    await pool.end();
    await database.drop();
  });

  it('counts the bits of a filter as Postgres does: from the lowest of each byte', async () => {
    for (const bit of [0, 1, 7, 8, 100, 1023]) {
      const bytes = Buffer.alloc(128);
      bytes[bit >> 3]! |= 1 << (bit & 7);
      const { rows: set } = await pool.query<{ n: number }>(
        'SELECT n FROM generate_series(0, 1023) AS n WHERE get_bit($1::bytea, n) = 1',
        [bytes],
      );
      expect(set).toEqual([{ n: bit }]);
    }
  });
  it('stores a filter of each size', async () => {
    const { rows: stored } = await pool.query(
      'SELECT octet_length(bloom) AS bytes FROM analytics.section ORDER BY seq',
    );
    expect(stored.map(({ bytes }) => bytes)).toEqual([
      ...[128, 128, 128, 256, 512, 1024, 2048, 4096, 8192, 8192],
      ...[null, null],
    ]);
  });
  it('answers as `mayHold` does', async () => {
    const count = { yes: 0, no: 0 };
    await fc.assert(
      fc.asyncProperty(anyTest, async (test) => {
        const { rows: found } = await pool.query<{ seq: string }>(
          `SELECT seq FROM analytics.section WHERE ${sectionTestSql(test)} ORDER BY seq`,
        );
        const expected = rows.filter(({ index }) => mayHold(test, index!)).map(({ seq }) => seq);
        expect(found.map(({ seq }) => Number(seq))).toEqual(expected);
        count.yes += expected.length;
        count.no += rows.length - expected.length;
      }),
      { numRuns: 400 },
    );
    expect(Math.min(count.yes, count.no)).toBeGreaterThan(1000);
  });
  it('is put in place of the call of the function, so that no call is left', async () => {
    const test: SectionTest = { kind: 'bits', bits: bitsOf(...hashOf(KIND, [7])) };
    const { rows: plan } = await pool.query(
      `EXPLAIN (VERBOSE) SELECT FROM analytics.section WHERE ${sectionTestSql(test)}`,
    );
    const text = JSON.stringify(plan);
    expect(text).toContain('get_bit');
    expect(text).not.toContain('bloom_has');
  });
});
