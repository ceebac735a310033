import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { createDatabase, type TestDatabase } from '@bpfleet/test-environment';
import { postgres, suiteRequires } from '@bpfleet/test-environment/requirements';
import fc from 'fast-check';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { IngestStore } from '../ingest/ingest-store.js';
import { createPool } from '../pool.js';
import type { SectionRow } from '../rows.js';
import { analyticsDatabase } from '../testing/analytics-database.js';
import type { SectionOrder, SectionQuery } from './section-query.js';
import { SectionStore, type StoredSection } from './section-store.js';

const SECTIONS = 400;
const ALL: SectionQuery = { sinceNs: -(2n ** 80n), untilNs: 2n ** 80n };

let database: TestDatabase;
let pool: pg.Pool;
let store: SectionStore;
const rows = Array.from({ length: SECTIONS }, (_, index) => row(index));

/** Times overlap and repeat, sizes go from nothing to a full record. */
function row(index: number): SectionRow {
  const digest = createHash('sha256').update(String(index)).digest();
  const body = Buffer.alloc(index === 17 ? 1_048_576 : digest.readUInt8(0) * 300, digest);
  const tsMinNs = BigInt(digest.readUInt8(1) * 10);
  return {
    ...{ offset: BigInt(index), agent: `agent-${index % 3}`, epoch: 1 + (index % 2), seq: index, crc32: crc32(body) },
    ...{ tsMinNs, tsMaxNs: tsMinNs + BigInt(digest.readUInt8(2)), packets: digest.readUInt8(3), body },
    filters: [['web@3'], ['web@4', 'dns@1'], [], ["it's@1"], ['website@1']][index % 5]!,
    ...{ droppedByKernel: index % 7 === 0 ? 2 : 0, clockSuspect: index % 50 === 0 },
  };
}

/** @param work what the caller does with each, while others arrive */
const collect = async (
  query: SectionQuery & { order: SectionOrder },
  work = async () => {},
): Promise<StoredSection[]> => {
  const found: StoredSection[] = [];
  for await (const section of store.sections(query)) {
    found.push(section);
    await work();
  }
  return found;
};

const byName = (a: string, b: string): number => (a < b ? -1 : Number(a > b));
const matches = (filter: string | undefined, name: string) =>
  filter === undefined || name === filter || (!filter.includes('@') && name.startsWith(`${filter}@`));

/** The same question, answered from memory. */
function expected(query: SectionQuery & { order: SectionOrder }): SectionRow[] {
  const time = (section: SectionRow) => (query.order === 'newest' ? section.tsMaxNs : section.tsMinNs);
  const found = rows
    .filter(({ tsMinNs, tsMaxNs }) => tsMaxNs >= query.sinceNs && tsMinNs <= query.untilNs)
    .filter(({ agent }) => query.agent === undefined || agent === query.agent)
    .filter(({ filters }) => query.filter === undefined || filters.some((name) => matches(query.filter, name)))
    .sort((a, b) => Number(time(a) - time(b)) || byName(a.agent, b.agent) || a.epoch - b.epoch || a.seq - b.seq);
  return query.order === 'newest' ? found.reverse() : found;
}

suiteRequires('SectionStore', { postgres: await postgres() }, ({ postgres: server }) => {
  beforeAll(async () => {
    database = await createDatabase(server.connection, analyticsDatabase);
    pool = createPool({ connection: database.connection, name: 'test', onError: () => {} });
    store = new SectionStore(pool);
    const ingest = new IngestStore(pool);
    const quarantine = { detail: '', key: 'k', headers: {}, body: Buffer.alloc(0), reason: 'bad-crc' };
    await ingest.commit({
      position: await ingest.takePosition('log', 0, 'test'),
      ...{ next: BigInt(SECTIONS), sections: rows, flowsOf: () => [], losses: [] },
      quarantined: [
        { ...quarantine, offset: 0n, agent: 'agent-1', tsMinNs: 100n, tsMaxNs: 200n },
        { ...quarantine, offset: 1n },
      ],
    });
  });
  afterAll(async () => {
    await pool.end();
    await database.drop();
  });

  describe('SectionStore.sections', () => {
    it('answers any question as a scan of everything would, in order', async () => {
      const anyQuery = fc.record({
        sinceNs: fc.bigInt({ min: -10n, max: 3000n }),
        untilNs: fc.bigInt({ min: -10n, max: 3000n }),
        agent: fc.option(fc.constantFrom('agent-0', 'agent-1', 'nobody', "o'agent"), { nil: undefined }),
        filter: fc.option(fc.constantFrom('web', 'web@3', 'dns', "it's", "it's@1", 'we', '%'), { nil: undefined }),
        order: fc.constantFrom<SectionOrder>('newest', 'oldest'),
      });
      await fc.assert(
        fc.asyncProperty(anyQuery, async (query) => {
          const found = await collect(query);
          expect(found.map(({ seq }) => seq)).toEqual(expected(query).map(({ seq }) => seq));
        }),
        { numRuns: 60 },
      );
    });

    it.each<[string, () => Promise<unknown>]>([
      ['some', () => setImmediate()],
      ['more', () => pool.query('SELECT 1')],
    ])('gives each once, in order, to a caller that works %s between them', async (_, work) => {
      for (const order of ['newest', 'oldest'] as const) {
        const found = await collect({ ...ALL, order }, async () => void (await work()));
        expect(found.map(({ seq }) => seq)).toEqual(expected({ ...ALL, order }).map(({ seq }) => seq));
      }
    });

    it('gives each section back byte for byte', async () => {
      for (const found of await collect({ ...ALL, order: 'oldest' })) {
        const { agent, epoch, seq, tsMinNs, tsMaxNs, packets, droppedByKernel, body } = rows[found.seq]!;
        const { body: foundBody, ...rest } = found;
        expect(rest).toEqual({ agent, epoch, seq, tsMinNs, tsMaxNs, packets, droppedByKernel });
        expect(foundBody.equals(body)).toBe(true);
      }
    });

    it('finds a section by its name', async () => {
      const { agent, epoch, seq, body } = rows[7]!;
      expect((await store.section({ agent, epoch, seq }))?.body.equals(body)).toBe(true);
      expect(await store.section({ agent, epoch: epoch + 1, seq })).toBeUndefined();
      expect(await store.section({ agent: "o'agent", epoch, seq })).toBeUndefined();
    });

    it('finds several by their names, as far as they are stored', async () => {
      const wanted = [7, 17, 300].map((index) => rows[index]!);
      const { agent, epoch, seq } = wanted[0]!;
      const names = [...wanted, { agent, epoch: epoch + 1, seq }, { agent: "o'agent", epoch, seq }];
      const found = (await store.named(names, ALL)).toSorted((a, b) => a.seq - b.seq);
      expect(found.map((one) => one.seq)).toEqual([7, 17, 300]);
      for (const [index, one] of wanted.entries()) expect(found[index]?.body.equals(one.body)).toBe(true);
      expect(await store.named([], ALL)).toEqual([]);
    });

    it('looks for them only in hours that hold packets of the range', async () => {
      expect(await store.named(rows.slice(0, 3), { sinceNs: 10_000n, untilNs: 20_000n })).toEqual([]);
    });

    it('holds no connection while its caller works', async () => {
      const one = createPool({
        connection: database.connection,
        name: 'one',
        maxConnections: 1,
        onError: () => {},
      });
      try {
        let seen = 0;
        for await (const _ of new SectionStore(one).sections({ ...ALL, order: 'newest' })) {
          await one.query('SELECT 1');
          if (++seen === 50) break;
        }
        expect(seen).toBe(50);
        expect(one.idleCount).toBe(1);
      } finally {
        await one.end();
      }
    });

    it('ends with the reason when it is aborted, between sections and within a query', async () => {
      const reason = new Error('the client went away');
      const between = new AbortController();
      const reading = async () => {
        for await (const _ of store.sections({ ...ALL, order: 'newest' }, between.signal)) between.abort(reason);
      };
      await expect(reading()).rejects.toBe(reason);

      const within = new AbortController();
      const blocker = await pool.connect();
      await blocker.query('BEGIN; LOCK TABLE analytics.section IN ACCESS EXCLUSIVE MODE');
      const next = store.sections({ ...ALL, order: 'newest' }, within.signal).next();
      const ended = expect(next).rejects.toBe(reason);
      for (;;) {
        // Not by the blocker: a transaction sees the activity of its first look.
        const { rowCount } = await pool.query(
          "SELECT FROM pg_stat_activity WHERE query LIKE 'COPY%' AND wait_event_type = 'Lock'",
        );
        if (rowCount === 1) break;
      }
      within.abort(reason);
      await ended;
      await blocker.query('ROLLBACK');
      blocker.release();
    });

    it('says STORE_UNAVAILABLE when Postgres cannot be reached', async () => {
      const away = createPool({ connection: { host: '/nowhere', user: 'x' }, name: 'away', onError: () => {} });
      await expect(new SectionStore(away).sections({ ...ALL, order: 'newest' }).next()).rejects.toMatchObject({
        code: 'STORE_UNAVAILABLE',
      });
      await away.end();
    });
  });

  describe('SectionStore.completeness', () => {
    it('counts what there is, what was dropped and what was kept aside', async () => {
      const query = { sinceNs: 500n, untilNs: 900n };
      const found = expected({ ...query, order: 'newest' });
      const dropped = new Map<string, number>();
      for (const { agent, droppedByKernel } of found) {
        if (droppedByKernel > 0) dropped.set(agent, (dropped.get(agent) ?? 0) + droppedByKernel);
      }
      const answer = await store.completeness(query);
      expect(answer).toMatchObject({
        sections: found.length,
        packets: found.reduce((sum, { packets }) => sum + packets, 0),
        quarantined: 0,
      });
      expect(new Map([...answer.droppedByKernel].sort())).toEqual(new Map([...dropped].sort()));
    });

    it('counts a quarantined record where its time is, and one without a time when it came', async () => {
      expect(await store.completeness({ sinceNs: 150n, untilNs: 160n })).toMatchObject({ quarantined: 1 });
      expect(await store.completeness({ sinceNs: 150n, untilNs: 160n, agent: 'agent-2' })).toMatchObject({
        quarantined: 0,
      });
      const nowNs = BigInt(Date.now()) * 1_000_000n;
      const minuteNs = 60_000_000_000n;
      expect(await store.completeness({ sinceNs: nowNs - minuteNs, untilNs: nowNs + minuteNs })).toMatchObject({
        sections: 0,
        quarantined: 1,
      });
    });
  });
});
