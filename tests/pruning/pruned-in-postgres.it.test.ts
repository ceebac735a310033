import { crc32 } from 'node:zlib';
import { BpfleetError } from '@bpfleet/errors';
import { compile } from '@bpfleet/pcap-filter';
import { mayHold, planSections } from '@bpfleet/pruning';
import { readSection } from '@bpfleet/section';
import {
  CopyEncoder,
  copyIn,
  createPool,
  type HeldPosition,
  type SectionRow,
  SectionStore,
  sectionTarget,
} from '@bpfleet/store';
import { createDatabase, type TestDatabase } from '@bpfleet/test-environment';
import { postgres, suiteRequires } from '@bpfleet/test-environment/requirements';
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { IndexedSections } from '../../apps/analytics/src/pruning/indexed-sections.js';
import { analyticsDatabase } from '../../libs/store/src/testing/analytics-database.js';
import { newCoverage, randomExpression } from '../conformance/expressions/expressions.js';
import { printFigures } from '../conformance/figures.js';
import { linkForms } from '../conformance/link-types.js';
import { withExtension } from '../conformance/prefilter/extensions.js';
import { randomPacket, sectionWith } from '../conformance/prefilter/random-sections.js';
import { Random, seedOfRun } from '../conformance/random.js';

const ROUNDS = Number(process.env.BPFLEET_TEST_ROUNDS) || 1;
const SECTIONS = 300;
const EXPRESSIONS = 150 * ROUNDS;
/** From one packet, whose filter is nearly empty, to more than the smallest filter takes. */
const MOST_PACKETS = 60;

const seed = seedOfRun();
const random = new Random(seed);
const storedForms = linkForms.filter(({ linkType, live }) => !live || linkType === 'EN10MB');
const indexed = new IndexedSections();

const rows: SectionRow[] = Array.from({ length: SECTIONS }, (_, seq) => {
  const form = random.of(storedForms);
  const packets = Array.from({ length: 1 + random.below(random.of([3, MOST_PACKETS])) }, () =>
    randomPacket(random, form),
  );
  const body = sectionWith(packets);
  return {
    ...{ offset: BigInt(seq), agent: 'a', epoch: 1, seq, crc32: crc32(body), body, packets: packets.length },
    ...{ tsMinNs: BigInt(seq), tsMaxNs: BigInt(seq), filters: ['web@3'], droppedByKernel: 0, clockSuspect: false },
    index: indexed.indexOf(readSection(body), body),
  };
});

async function store(pool: pg.Pool): Promise<void> {
  const encoder = new CopyEncoder().begin();
  const position = { logId: 'log', partition: 0, next: 0n, fence: 1n } as HeldPosition;
  for (const row of rows) sectionTarget.encode(encoder, position, row);
  const client = await pool.connect();
  await copyIn(client, `${sectionTarget.table} (${sectionTarget.columns})`, encoder.finish());
  client.release();
  await pool.query(`
    INSERT INTO analytics.partition_range (hour, log, partition, ts_min, ts_max)
    SELECT date_trunc('hour', ingested_at, 'UTC'), log, partition, min(ts_min), max(ts_max)
    FROM analytics.section GROUP BY 1, 2, 3`);
}

/** Random, and right for some link type; most of them ask for something. */
function anyExpression(coverage: ReturnType<typeof newCoverage>): string {
  for (;;) {
    const { text: written, form } = randomExpression(random, coverage, storedForms);
    const text = random.chance(40) ? withExtension(written, random) : written;
    try {
      compile(text, { linkType: form.linkType, live: form.live, optimize: false });
      return text;
    } catch (error) {
      if (!(error instanceof BpfleetError)) throw error;
    }
  }
}

suiteRequires('sections left out in Postgres', { postgres: await postgres() }, ({ postgres: server }) => {
  let database: TestDatabase;
  let pool: pg.Pool;
  beforeAll(async () => {
    database = await createDatabase(server.connection, analyticsDatabase);
    pool = createPool({ connection: database.connection, name: 'test', onError: () => {} });
    await store(pool);
  });
  afterAll(async () => {
    await pool?.end();
    await database?.drop();
  });

  it(
    'are those that the pure evaluation leaves out, for any expression',
    async () => {
      const stored = new SectionStore(pool);
      const coverage = newCoverage();
      const count = { pairs: 0, pruned: 0 };
      for (let round = 0; round < EXPRESSIONS; round++) {
        const text = anyExpression(coverage);
        const test = planSections(text);
        const found: number[] = [];
        const query = { sinceNs: 0n, untilNs: BigInt(SECTIONS), test, order: 'oldest' } as const;
        for await (const { seq } of stored.sections(query)) found.push(seq);
        const expected = rows.filter(({ index }) => mayHold(test, index!)).map(({ seq }) => seq);
        expect(found, `seed ${seed}: “${text}”`).toEqual(expected);
        count.pairs += SECTIONS;
        count.pruned += SECTIONS - expected.length;
      }
      const share = ((100 * count.pruned) / count.pairs).toFixed(1);
      printFigures(
        seed,
        `pruning in Postgres: ${count.pairs} (expression, section) pairs as the pure evaluation, ${share} % pruned`,
      );
      expect(count.pruned / count.pairs).toBeGreaterThan(0.05);
    },
    120_000 * ROUNDS,
  );
});
