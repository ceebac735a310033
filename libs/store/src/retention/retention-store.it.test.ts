import { createDatabase, type TestDatabase } from '@bpfleet/test-environment';
import { postgres, suiteRequires } from '@bpfleet/test-environment/requirements';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { LedgerStore } from '../ledger/ledger-store.js';
import { partitionedTables, partitionName } from '../partitions/partitioned-tables.js';
import { ensurePartitions } from '../partitions.js';
import { createPool } from '../pool.js';
import { analyticsDatabase } from '../testing/analytics-database.js';
import { leave } from './drop-partition.js';
import { givenUp } from './given-up.js';
import { listPartitions } from './partition-list.js';
import { type RetentionPolicy, RetentionStore } from './retention-store.js';
import { StatusStore } from './store-status.js';

const HOUR_MS = 3_600_000;
const NS_PER_MS = 1_000_000n;
const ALL = { hours: 10_000, bytes: 1e15 };
const everything: RetentionPolicy = { section: ALL, flow: ALL, rollup: ALL, quarantine: ALL, loss: ALL };
/** The hours that tests look at begin so many hours before the running one. */
const PAST = [8, 7, 6, 5] as const;

let pool: pg.Pool;
let beginMs: (hoursAgo: number) => number;

/** Stores sections in the partition of an hour, captured within that hour, as ingest did then. */
async function storeInHour(hoursAgo: number, sections: number, bodyBytes = 1000): Promise<void> {
  const begin = beginMs(hoursAgo);
  await pool.query(
    `INSERT INTO analytics.section (ingested_at, log, partition, log_offset, agent, epoch, seq, crc32, ts_min, ts_max,
       packets, bytes, filters, body)
     SELECT $1, 'log', 0, n, 'host-1', 1, $2 + n, 0, $3, $4, 1, $5, '{}', convert_to(repeat('x', $5), 'UTF8')
     FROM generate_series(1, $6) AS n`,
    [new Date(begin), hoursAgo * 1000, nsOf(begin), nsOf(begin + HOUR_MS - 1), bodyBytes, sections],
  );
  await pool.query(
    `INSERT INTO analytics.partition_range (hour, log, partition, ts_min, ts_max) VALUES ($1, 'log', 0, $2, $3)`,
    [new Date(begin), nsOf(begin), nsOf(begin + HOUR_MS - 1)],
  );
}

/** One section and one flow each, of a packet of that time, by a host whose clock is far off; ingested in the hour. */
async function storePackets(hoursAgo: number, timesNs: readonly bigint[]): Promise<void> {
  const hour = new Date(beginMs(hoursAgo));
  await pool.query(
    `INSERT INTO analytics.section (ingested_at, log, partition, log_offset, agent, epoch, seq, crc32, ts_min, ts_max,
       clock_suspect, packets, bytes, filters, body)
     SELECT $1, 'log', 0, 0, 'host-2', 1, row_number() OVER (), 0, ts, ts, true, 1, 1, '{}', 'x' FROM unnest($2::bigint[]) AS ts`,
    [hour, timesNs],
  );
  await pool.query(
    `INSERT INTO analytics.flow (ingested_at, first_ns, last_ns, bytes, packets, protocol, tcp_flags, is_plain, agent, filters,
       weights, source, destination)
     SELECT $1, ts, ts, 1, 1, 17, 0, true, 'host-2', '', '', '::', '::' FROM unnest($2::bigint[]) AS ts`,
    [hour, timesNs],
  );
  await pool.query(
    `UPDATE analytics.partition_range SET (suspect_ts_min, suspect_ts_max) =
       (SELECT min(ts), max(ts) FROM unnest($2::bigint[]) AS ts) WHERE hour = $1`,
    [hour, timesNs],
  );
}

const nsOf = (ms: number): bigint => BigInt(ms) * NS_PER_MS;

async function attachPast(hoursAgo: number): Promise<void> {
  for (const partitioned of partitionedTables.filter((one) => one.spanMs === HOUR_MS)) {
    const name = partitionName(partitioned, beginMs(hoursAgo));
    const [from, to] = [beginMs(hoursAgo), beginMs(hoursAgo - 1)].map((ms) =>
      pg.escapeLiteral(new Date(ms).toISOString()),
    );
    await pool.query(
      `CREATE TABLE analytics.${name} PARTITION OF analytics.${partitioned.table} FOR VALUES FROM (${from}) TO (${to})`,
    );
  }
}

const section = (hoursAgo: number) => partitionName(partitionedTables[0]!, beginMs(hoursAgo));
const flow = (hoursAgo: number) => partitionName(partitionedTables[1]!, beginMs(hoursAgo));

async function tables(): Promise<string[]> {
  const { rows } = await pool.query<{ relname: string }>(
    `SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ '^(section|flow)_\\d{10}$'`,
  );
  return rows.map(({ relname }) => relname);
}
async function count(): Promise<number> {
  return Number((await pool.query<{ count: string }>('SELECT count(*) FROM analytics.section')).rows[0]!.count);
}

suiteRequires('Retention', { postgres: await postgres() }, ({ postgres: server }) => {
  let database: TestDatabase;
  let store: RetentionStore;

  beforeAll(async () => {
    database = await createDatabase(server.connection, analyticsDatabase);
    pool = createPool({ connection: database.connection, name: 'test', onError: () => {} });
  });
  afterAll(async () => {
    await pool.end();
    await database.drop();
  });
  beforeEach(async () => {
    for (const name of await tables()) await pool.query(`DROP TABLE analytics.${name}`);
    await pool.query(`TRUNCATE analytics.partition_range, analytics.not_retained, analytics.leaving_partition,
      analytics.quarantine, analytics.loss, analytics.agent_loss, analytics.ledger`);
    await ensurePartitions(pool);
    const { nowMs } = await listPartitions(pool);
    const runningMs = Math.floor(nowMs / HOUR_MS) * HOUR_MS;
    beginMs = (hoursAgo) => runningMs - hoursAgo * HOUR_MS;
    for (const hoursAgo of PAST) {
      await attachPast(hoursAgo);
      await storeInHour(hoursAgo, 10);
    }
    store = new RetentionStore(pool, 200);
  });

  describe('by age', () => {
    it('drops whole hours, and remembers the packet times that are gone', async () => {
      const round = await store.retain({ ...everything, section: { hours: 6, bytes: 1e15 } });
      expect(round?.left.map(({ partition, reason }) => [partition.name, reason])).toEqual([
        [section(8), 'age'],
        [section(7), 'age'],
      ]);
      expect(await tables()).not.toContain(section(8));
      expect(await tables()).toEqual(expect.arrayContaining([section(6), flow(8)]));
      expect(await count()).toBe(20);
      expect(await givenUp(pool, 'section', 0n, nsOf(beginMs(0)))).toEqual([
        { fromNs: nsOf(beginMs(8)), toNs: nsOf(beginMs(6) - 1), rows: 20 },
      ]);
      expect(await givenUp(pool, 'flow', 0n, nsOf(beginMs(0)))).toEqual([]);
      const { rows } = await pool.query('SELECT hour FROM analytics.partition_range ORDER BY hour');
      expect(rows).toEqual([6, 5].map((ago) => ({ hour: new Date(beginMs(ago)) })));
    });

    it('clips what is not retained to the range that was asked for', async () => {
      await store.retain({ ...everything, section: { hours: 6, bytes: 1e15 } });
      const [since, until] = [nsOf(beginMs(7.5)), nsOf(beginMs(7.25))];
      expect(await givenUp(pool, 'section', since, until)).toEqual([
        { fromNs: since, toNs: until, rows: expect.any(Number) },
      ]);
      expect(await givenUp(pool, 'section', nsOf(beginMs(6)), nsOf(beginMs(0)))).toEqual([]);
    });

    it('says of no time between the packets that went that its packets went, too', async () => {
      const times = ['1970-01-01', '2019-05-01', '2025-05-01', '2100-01-01'].map((day) => nsOf(Date.parse(day)));
      await storePackets(8, times);
      const short = { hours: 7, bytes: 1e15 };
      await store.retain({ ...everything, section: short, flow: short });
      const one = (ns: bigint) => ({ fromNs: ns, toNs: ns, rows: 1 });
      const [first, second, third, last] = times.map(one);
      const hour = { fromNs: nsOf(beginMs(8)), toNs: nsOf(beginMs(7) - 1), rows: 10 };
      expect(await givenUp(pool, 'section', 0n, 2n ** 63n)).toEqual([last, hour, third, second, first]);
      expect(await givenUp(pool, 'flow', 0n, 2n ** 63n)).toEqual([last, third, second, first]);
      const { notRetained } = await new LedgerStore(pool).losses({
        ...{ sinceNs: nsOf(beginMs(0.5)), untilNs: nsOf(beginMs(-1)) },
      });
      expect(notRetained).toBeUndefined();
    });

    it('tells what a clock at the end of all times stored, too', async () => {
      const last = 2n ** 63n - 1n;
      await storePackets(8, [last - 1n]);
      await storePackets(7, [last]);
      await store.retain({ ...everything, section: { hours: 6, bytes: 1e15 } });
      const [newest] = await givenUp(pool, 'section', 0n, 2n ** 70n);
      expect(newest).toEqual({ fromNs: last - 1n, toNs: last, rows: 2 });
    });

    it('notes not more than a hundred spans of a partition, and leaves no packet out', async () => {
      const day = nsOf(24 * HOUR_MS);
      const times = Array.from({ length: 300 }, (_, n) => BigInt(n) * day + BigInt(n % 3) * (day / 4n));
      await storePackets(8, times);
      await store.retain({ ...everything, flow: { hours: 7, bytes: 1e15 } });
      const { rows } = await pool.query<{ ts_min: string; ts_max: string; rows: string }>(
        'SELECT ts_min, ts_max, rows FROM analytics.not_retained',
      );
      expect(rows).toHaveLength(100);
      expect(rows.reduce((sum, row) => sum + Number(row.rows), 0)).toBe(300);
      const isIn = (ns: bigint) => rows.some((row) => BigInt(row.ts_min) <= ns && ns <= BigInt(row.ts_max));
      expect(times.filter((ns) => !isIn(ns))).toEqual([]);
    });

    it('notes apart what an imported file loses', async () => {
      await pool.query(
        `UPDATE analytics.section SET log = 'import sha256:ab', agent = 'import-ab' WHERE log_offset < 4`,
      );
      await store.retain({ ...everything, section: { hours: 7, bytes: 1e15 } });
      const { rows } = await pool.query('SELECT agent, rows FROM analytics.not_retained ORDER BY agent');
      expect(rows).toEqual([
        { agent: '', rows: '7' },
        { agent: 'import-ab', rows: '3' },
      ]);
      expect(await givenUp(pool, 'section', 0n, nsOf(beginMs(0)))).toMatchObject([{ rows: 10 }]);
    });

    it('tells of a range in twenty parts at most, and leaves none out', async () => {
      const day = nsOf(24 * HOUR_MS);
      const times = Array.from({ length: 25 }, (_, n) => BigInt(n) * day - (n % 5 === 4 ? day / 2n : 0n));
      await storePackets(8, times);
      await store.retain({ ...everything, flow: { hours: 7, bytes: 1e15 } });
      const parts = (await givenUp(pool, 'flow', 0n, nsOf(beginMs(0)))).reverse();
      expect(parts.map(({ rows }) => rows)).toEqual(Array.from({ length: 5 }, () => [1, 1, 1, 2]).flat());
      expect([parts[0]!.fromNs, parts.at(-1)!.toNs]).toEqual([times[0], times[24]]);
      expect(parts[3]).toEqual({ fromNs: times[3], toNs: times[4], rows: 2 });
    });

    it('remembers the times of sums by their buckets, also of the last of all', async () => {
      const last = 2n ** 63n - 1n;
      const dayMs = 24 * HOUR_MS;
      const fromMs = Math.floor(Date.now() / dayMs - 3) * dayMs;
      const [from, to] = [fromMs, fromMs + dayMs].map((ms) => pg.escapeLiteral(new Date(ms).toISOString()));
      for (const partitioned of partitionedTables.filter((one) => one.class === 'rollup')) {
        const name = `analytics.${partitionName(partitioned, fromMs)}`;
        await pool.query(
          `CREATE TABLE ${name} PARTITION OF analytics.${partitioned.table} FOR VALUES FROM (${from}) TO (${to})`,
        );
        await pool.query(
          `INSERT INTO ${name} (ingested_at, bucket_ns, packets, bytes, other_packets, other_bytes, agent, filters, weights,
             services, hosts) SELECT ${from}, bucket, 1, 1, 0, 0, 'host-1', '', '', '', '' FROM unnest($1::bigint[]) AS bucket`,
          [[0n, last - 5n]],
        );
      }
      await store.retain({ ...everything, rollup: { hours: 25, bytes: 1e15 } });
      expect(await givenUp(pool, 'rollup', 0n, last)).toEqual([
        { fromNs: last - 5n, toNs: last, rows: 3 },
        { fromNs: 0n, toNs: nsOf(HOUR_MS) - 1n, rows: 3 },
      ]);
    });

    it('deletes old records of quarantine and old losses, and says so', async () => {
      await pool.query(`
        INSERT INTO analytics.quarantine (quarantined_at, log, partition, log_offset, reason, detail, ts_min, ts_max, key, headers, body)
        SELECT now() - make_interval(hours => ago), 'log', 0, ago, 'bad-crc', '', 5, 6, '', '{}', 'x' FROM generate_series(1, 4) AS ago;
        INSERT INTO analytics.loss (noticed_at, log, partition, first_offset, end_offset, reason, detail)
        VALUES (now() - interval '9 hours', 'log', 0, 0, 1, 'retention', '')`);
      const limits = { hours: 2, bytes: 1e15 };
      // Rows of exactly two hours ago were made in a transaction before this one.
      expect((await store.retain({ ...everything, quarantine: limits, loss: limits }))?.deletedRows).toBe(4);
      const { rows } = await pool.query(
        "SELECT sum(rows) AS rows FROM analytics.not_retained WHERE class = 'quarantine'",
      );
      expect(rows).toEqual([{ rows: '3' }]);
    });
  });

  it('deletes what agents left out long ago, and keeps what is lost', async () => {
    await pool.query(`
      INSERT INTO analytics.agent_loss (agent, epoch, kind, place, from_ns, to_ns, sections, packets)
      SELECT 'host-1', 1, kind, ago, 0, (EXTRACT(epoch FROM now()) - ago * 3600)::bigint * 1000000000, 0, 5
      FROM generate_series(1, 4) AS ago, unnest(ARRAY['left-out', 'kernel']) AS kind`);
    const round = await store.retain({ ...everything, loss: { hours: 2 } });
    const { rows } = await pool.query(
      'SELECT kind, count(*)::int FROM analytics.agent_loss GROUP BY kind ORDER BY kind',
    );
    expect(rows).toEqual([
      { kind: 'kernel', count: 4 },
      { kind: 'left-out', count: 4 - round!.deletedRows },
    ]);
    // The row of exactly two hours ago may or may not be older, by the fraction of a second.
    expect([2, 3]).toContain(round!.deletedRows);
  });

  describe('by size', () => {
    it('drops the oldest until the rest fits, and never the running hour', async () => {
      await storeInHour(0, 10, 100_000);
      const { partitions } = await listPartitions(pool);
      const sections = partitions.filter((one) => one.class === 'section');
      const bytes = sections.filter((one) => one.beginMs > beginMs(7)).reduce((sum, one) => sum + one.bytes, 0);
      const round = await store.retain({ ...everything, section: { hours: 10_000, bytes } });
      expect(round?.left.map(({ partition, reason }) => [partition.name, reason])).toEqual([
        [section(8), 'size'],
        [section(7), 'size'],
      ]);
      await store.retain({ ...everything, section: { hours: 10_000, bytes: 1 } });
      expect(await count()).toBe(10);
    });

    it('deletes the oldest records of quarantine', async () => {
      await pool.query(`
        INSERT INTO analytics.quarantine (log, partition, log_offset, reason, detail, key, headers, body)
        SELECT 'log', 0, n, 'bad-crc', '', '', '{}', convert_to(repeat('x', 1000), 'UTF8') FROM generate_series(1, 50) AS n`);
      await store.retain({ ...everything, quarantine: { hours: 10_000, bytes: 20 * 1205 } });
      const { rows } = await pool.query('SELECT count(*), min(log_offset) FROM analytics.quarantine');
      expect(rows).toEqual([{ count: '20', min: '31' }]);
    });

    it('deletes records of quarantine, and answers count them as before', async () => {
      await pool.query(
        `INSERT INTO analytics.ledger (agent, epoch, first_ns, last_ns, sections, packets, last_seq) VALUES ('known', 1, 0, 0, 1, 1, 0)`,
      );
      await pool.query(
        `INSERT INTO analytics.quarantine (quarantined_at, log, partition, log_offset, reason, detail, agent, ts_min, ts_max, key, headers, body)
         SELECT now() - interval '30 minutes', 'log', 0, n, 'bad-crc', '', agent, ts, ts, '', '{}', convert_to(repeat('x', 1000), 'UTF8')
         FROM (VALUES (NULL, NULL), ('known', NULL), ('unknown', 5), ('known', 7200000000000)) AS of (agent, ts), generate_series(1, 50) AS n`,
      );
      const ledger = new LedgerStore(pool);
      const range = (from: number, to: number, agent?: string) =>
        ledger.losses({ sinceNs: nsOf(from), untilNs: nsOf(to), agent }).then((one) => one.recordsQuarantined);
      const figures = async () => {
        const [since, nowMs] = [Date.now() - HOUR_MS, Date.now()];
        return [
          await range(since, nowMs),
          await range(since, nowMs, 'known'),
          await range(since, nowMs, 'other'),
          await range(0, HOUR_MS),
          await range(HOUR_MS, 3 * HOUR_MS, 'known'),
          await range(0, nowMs, 'other'),
          ...(await ledger.accounts(1)).map((one) => one.recordsQuarantined),
        ];
      };
      const before = [100, 100, 50, 50, 50, 50, 100];
      expect(await figures()).toEqual(before);
      await store.retain({ ...everything, quarantine: { hours: 10_000, bytes: 10_000 } });
      // Of an agent of which nothing is stored it is not noted whose they were.
      const after = [...before.slice(0, 5), expect.any(Number), before[6]];
      expect(await figures()).toEqual(after);
      await store.retain({ ...everything, quarantine: { hours: 0, bytes: 1 } });
      expect((await pool.query('SELECT FROM analytics.quarantine')).rowCount).toBe(0);
      expect(await figures()).toEqual(before.with(5, 100));
    });

    it('deletes as many records of quarantine as it takes, in one round', async () => {
      await pool.query(`
        INSERT INTO analytics.quarantine (log, partition, log_offset, reason, detail, key, headers, body)
        SELECT 'log', 0, n, 'bad-crc', '', '', '{}', '' FROM generate_series(1, 25000) AS n`);
      const round = await store.retain({ ...everything, quarantine: { hours: 10_000, bytes: 100 * 205 } });
      expect(round?.deletedRows).toBe(24_900);
    });

    it('counts the headers of a record in quarantine, too', async () => {
      await pool.query(`
        INSERT INTO analytics.quarantine (log, partition, log_offset, reason, detail, key, headers, body)
        SELECT 'log', 0, n, 'bad-crc', '', '',
          jsonb_build_object('filters', (SELECT string_agg(md5((n * 1000 + m)::text), '') FROM generate_series(1, 1000) AS m)), ''
        FROM generate_series(1, 10) AS n`);
      expect((await store.retain({ ...everything, quarantine: { hours: 10_000, bytes: 100_000 } }))?.deletedRows).toBe(
        7,
      );
    });
  });

  describe('while the store is in use', () => {
    const short = { ...everything, section: { hours: 7, bytes: 1e15 } };

    it('lets a long reader end, and keeps nobody else waiting for it', async () => {
      const reader = await pool.connect();
      try {
        await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
        const before = await reader.query('SELECT count(*) FROM analytics.section');
        expect((await store.retain(short))?.waiting).toEqual([section(8)]);
        // lock_timeout of these is 2 s: they would fail if they had to wait for the reader.
        await storeInHour(0, 5);
        expect(await count()).toBe(35);
        expect((await reader.query('SELECT count(*) FROM analytics.section')).rows).toEqual(before.rows);
        expect((await store.retain(short))?.waiting).toEqual([section(8)]);
      } finally {
        await reader.query('ROLLBACK');
        reader.release();
      }
      expect(await store.retain(short)).toMatchObject({ left: [], waiting: [] });
      expect(await tables()).not.toContain(section(8));
      expect(await count()).toBe(35);
    });

    it('fails no write and no query', async () => {
      let isOver = false;
      let [written, asked] = [0, 0];
      const writer = async () => {
        for (; !isOver; written++) await storeSection(pool, written);
      };
      const asker = async () => {
        for (; !isOver; asked++) await pool.query('SELECT count(*), sum(octet_length(body)) FROM analytics.section');
      };
      const users = [writer(), asker(), asker()];
      const all = { hours: 1, bytes: 1e15 };
      const round = await new RetentionStore(pool).retain({ ...everything, section: all, flow: all });
      isOver = true;
      await Promise.all(users);
      expect(round).toMatchObject({ waiting: [] });
      expect(round?.left).toHaveLength(8);
      expect(Math.min(written, asked)).toBeGreaterThan(0);
      expect(await count()).toBe(written);
    });

    it('is one process’s work at a time', async () => {
      const rounds = await Promise.all(Array.from({ length: 4 }, () => new RetentionStore(pool).retain(short)));
      expect(rounds.flatMap((round) => round?.left ?? [])).toHaveLength(1);
      expect(await count()).toBe(30);
    });

    it('goes on where a process ended in the middle', async () => {
      const client = await pool.connect();
      const { partitions } = await listPartitions(client);
      await leave(client, { partition: partitions.find(({ name }) => name === section(8))!, reason: 'age' });
      client.release();
      expect((await new StatusStore(pool).read()).leaving).toEqual([section(8)]);
      expect(await store.retain(everything)).toMatchObject({ left: [], waiting: [] });
      expect(await tables()).not.toContain(section(8));
    });
  });

  it('makes an hour anew to which the clock goes back', async () => {
    const name = section(-1);
    await pool.query(`ALTER TABLE analytics.section DETACH PARTITION analytics.${name}`);
    await ensurePartitions(pool);
    const { partitions } = await listPartitions(pool);
    expect(partitions.map((one) => one.name)).toContain(name);
  });

  it('tells how full the store is', async () => {
    await storeInHour(0, 10, 10_000);
    await pool.query('ANALYZE analytics.section');
    await pool.query(
      "INSERT INTO analytics.progress (agent, epoch, seqs, first_ns) VALUES ('a', 1, '{[0,5),[7,9)}', 0)",
    );
    await store.retain({ ...everything, section: { hours: 7, bytes: 1e15 } });
    const { classes, dedupe } = await new StatusStore(pool).read();
    const sections = classes.find((one) => one.class === 'section')!;
    expect(sections).toMatchObject({
      oldest: new Date(beginMs(7)),
      newest: new Date(beginMs(0)),
      partitions: 6,
      partitionsAhead: 2,
      givenUpTo: new Date(beginMs(7)),
    });
    expect(sections.rows).toBeGreaterThanOrEqual(40);
    expect(sections.bytes).toBeGreaterThan(100_000);
    expect(sections.bytesPerHour).toBeGreaterThan(0);
    expect(classes.map((one) => one.class)).toEqual(['section', 'flow', 'rollup', 'quarantine', 'loss']);
    expect(dedupe).toEqual({ epochs: 1, ranges: 2 });
  });
});

async function storeSection(into: pg.Pool, seq: number): Promise<void> {
  await into.query(
    `INSERT INTO analytics.section (log, partition, log_offset, agent, epoch, seq, crc32, ts_min, ts_max, packets, bytes,
       filters, body) VALUES ('log', 0, $1, 'host-2', 1, $1, 0, 0, 0, 1, 1, '{}', 'x')`,
    [seq],
  );
}
