import { execFile } from 'node:child_process';
import { createInterface } from 'node:readline';
import { InProcessBus } from '@bpfleet/bus';
import { Problem, tailMediaTypes } from '@bpfleet/contract';
import { createPool, IngestStore, RetentionStore } from '@bpfleet/store';
import { createDatabase, type TestDatabase } from '@bpfleet/test-environment';
import { postgres, suiteRequires } from '@bpfleet/test-environment/requirements';
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { queryDigest } from '../query-digest.js';
import { migratedDatabase, RunningAnalytics } from '../testing/running-analytics.js';
import { openTail, TailReading } from '../testing/tail-lines.js';
import { TailWriter } from '../testing/tail-writer.js';
import { tool } from '../testing/tool.js';
import { formatTailCursor, parseTailCursor } from './tail-cursor.js';

const HOUR_MS = 3_600_000;
const tshark = await tool('tshark');

suiteRequires('Tails, when something fails', { postgres: await postgres() }, ({ postgres: { connection } }) => {
  let database: TestDatabase;
  let analytics: RunningAnalytics;
  let pool: pg.Pool;
  let writer: TailWriter;

  beforeAll(async () => {
    database = await createDatabase(connection, migratedDatabase);
    analytics = await new RunningAnalytics(database.connection, new InProcessBus(), { partitions: 1 }).start();
    pool = createPool({ connection: database.connection, name: 'writer', onError: () => {} });
  });
  afterAll(async () => {
    await pool?.end();
    await analytics?.stop();
    await database?.drop();
  });
  beforeEach(async () => {
    await pool.query(`TRUNCATE analytics.section, analytics.loss, analytics.progress, analytics.partition_range,
      analytics.not_retained, analytics.leaving_partition`);
    await pool.query('DELETE FROM analytics.position');
    writer = new TailWriter(new IngestStore(pool), 0);
  });

  const follow = (reading: TailReading, since = '-10m', count = () => writer.written.length) =>
    reading.follow(analytics.url, { since }, ({ ids }) => ids.length >= count());

  it('give a reader everything once, on one answer, while all connections to Postgres are cut', async () => {
    const ROUNDS = 4;
    const reading = new TailReading();
    await writer.commits(2);
    const eachTime = writer.written.length;
    const following = follow(reading, '-10m', () => (ROUNDS + 1) * eachTime);
    // Not to be reported while the test waits for something else.
    following.catch(() => undefined);
    for (let round = 0; round < ROUNDS; round++) {
      const written = writer.written.length;
      await expect.poll(() => reading.ids.length).toBe(written);
      const { rowCount } = await pool.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name LIKE 'test%'`);
      expect(rowCount).toBeGreaterThan(0);
      await writer.commits(2);
    }
    await following;
    expect(reading.ids).toEqual(writer.written);
  });

  describe('retention', () => {
    let oldHourMs: number;

    /** A reader who was at offset 2 five hours ago; since then up to 6 was stored, and now the rest of 12. */
    async function slowReader(): Promise<TailReading> {
      await writer.commits(6, 1);
      oldHourMs = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - 5 * HOUR_MS;
      await attach(oldHourMs);
      // Ten minutes into its hour: retention goes by the hour.
      await pool.query('UPDATE analytics.section SET ingested_at = $1, ts_min = $2, ts_max = $2 WHERE log_offset < 6', [
        new Date(oldHourMs + 600_000),
        nsOf(oldHourMs),
      ]);
      await pool.query(
        'INSERT INTO analytics.partition_range (hour, log, partition, ts_min, ts_max) VALUES ($1, $2, 0, $3, $3)',
        [...[new Date(oldHourMs), 'log', nsOf(oldHourMs)]],
      );
      const place = { logId: 'log', partition: 0, next: 2n, replacement: 0n, storedFromUs: oldHourMs * 1000 };
      const seen = { sinceNs: nsOf(oldHourMs), seenUs: oldHourMs * 1000, places: [place] };
      const reading = new TailReading();
      reading.cursor = formatTailCursor({ ...seen, query: queryDigest(['', undefined, undefined, undefined]) });
      return reading;
    }
    const nsOf = (ms: number) => BigInt(ms) * 1_000_000n;
    const partitionOf = (hourMs: number) => `section_${new Date(hourMs).toISOString().slice(0, 13).replace(/\D/g, '')}`;
    async function attach(hourMs: number): Promise<void> {
      const [from, to] = [0, HOUR_MS].map((ms) => new Date(hourMs + ms).toISOString());
      await pool.query(`CREATE TABLE IF NOT EXISTS analytics.${partitionOf(hourMs)} PARTITION OF analytics.section
        FOR VALUES FROM ('${from}') TO ('${to}')`);
    }
    const ALL = { hours: 10_000, bytes: 1e15 };
    const retain = () =>
      new RetentionStore(pool, 200).retain({
        ...{ section: { hours: 2, bytes: 1e15 }, flow: ALL, rollup: ALL, quarantine: ALL, loss: ALL },
      });
    // The seventh of a writer's sections has no offset 6, but 7: offsets 6 to 12 are its later half.
    const kept = () => writer.written.slice(6);
    const gap = { reason: 'not-retained', log: 'log', partition: 0, firstOffset: '2', endOffset: '7', records: '5' };

    it('is told of to a reader who comes too late', async () => {
      const reading = await slowReader();
      expect((await retain())?.waiting).toEqual([]);
      await follow(reading, '-10m', () => kept().length);
      expect(reading).toMatchObject({ ids: kept(), gaps: [gap] });
    });

    it('is told of also while what is given up waits to be dropped, and could still be read', async () => {
      const reading = await slowReader();
      // The hours of a table go one after another, and somebody still reads the one before.
      const before = oldHourMs - HOUR_MS;
      await attach(before);
      const other = await pool.connect();
      try {
        await other.query('BEGIN');
        await other.query(`SELECT FROM analytics.${partitionOf(before)} LIMIT 1`);
        expect((await retain())?.waiting).toEqual([partitionOf(before), partitionOf(oldHourMs)]);
        const { rowCount } = await pool.query('SELECT FROM analytics.section WHERE log_offset < 6');
        expect(rowCount).toBe(6);
        await follow(reading, '-10m', () => kept().length);
      } finally {
        await other.query('ROLLBACK');
        other.release();
      }
      await retain();
      expect(reading).toMatchObject({ ids: kept(), gaps: [gap] });
    });

    it('is told of at the begin, when since reaches back to what is gone', async () => {
      await slowReader();
      await retain();
      const [early, late] = [new TailReading(), new TailReading()];
      await follow(early, '-6h', () => kept().length);
      expect(early.ids).toEqual(kept());
      const at = new Date(oldHourMs).toISOString().replace('Z', '000000Z');
      expect(early.notRetained).toMatchObject([{ since: at, until: at }]);
      await follow(late, '-10m', () => kept().length);
      expect(late.notRetained).toEqual([]);
    });

    it.skipIf('unavailable' in tshark)('is told of in a capture file as a comment, where tshark shows it', async () => {
      const { cursor } = await slowReader();
      await retain();
      const response = await openTail(analytics.url, { cursor: cursor! }, tailMediaTypes.pcapng);
      const run = execFile('sh', ['-c', 'cat | tshark -l -n -r - -T fields -e frame.comment']);
      response.pipe(run.stdin!);
      const comments: string[] = [];
      for await (const comment of createInterface({ input: run.stdout! })) {
        comments.push(comment);
        if (comments.length === kept().length) break;
      }
      response.destroy();
      run.kill();
      expect(comments[0]).toBe('a gap: not-retained, up to 5 records, offsets 2 to 7 of partition 0');
      expect(comments.slice(1).join('')).toBe('');
    });
  });

  describe('a cursor', () => {
    const problemOf = async (query: Record<string, string>) => {
      const response = await openTail(analytics.url, query, tailMediaTypes.ndjson);
      return Problem.parse(JSON.parse((await response.toArray()).join('')));
    };

    it('of another query is refused, with what to do', async () => {
      await writer.commits(1);
      const reading = new TailReading();
      await follow(reading);
      const cursor = reading.cursor!;
      for (const query of [{ filter: 'udp' }, { agent: 'host-1' }, { version: 'web' }, { linktype: 'RAW' }]) {
        const { status, code, detail, hint } = await problemOf({ ...query, cursor } as Record<string, string>);
        expect({ status, code, detail }).toEqual({
          ...{ status: 400, code: 'REQUEST_INVALID', detail: 'the cursor is of another query' },
        });
        expect(hint).toContain('begin anew with since');
      }
    });

    it('of another store is refused', async () => {
      await writer.commits(1);
      const reading = new TailReading();
      await follow(reading);
      const digest = queryDigest(['', undefined, undefined, undefined]);
      const { places, ...rest } = parseTailCursor(reading.cursor!, digest);
      const foreign = formatTailCursor({ ...rest, places: places.map((place) => ({ ...place, logId: 'other' })) });
      expect(await problemOf({ cursor: foreign })).toMatchObject({
        ...{ status: 400, code: 'REQUEST_INVALID', detail: expect.stringContaining('other') },
      });
    });
  });
});
