import { execFile } from 'node:child_process';
import { createInterface } from 'node:readline';
import { InProcessBus } from '@bpfleet/bus';
import { type PacketRow, Problem, packetMediaTypes, tailMediaTypes } from '@bpfleet/contract';
import { createPool, IngestStore } from '@bpfleet/store';
import { createDatabase, type TestDatabase } from '@bpfleet/test-environment';
import { postgres, suiteRequires } from '@bpfleet/test-environment/requirements';
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { migratedDatabase, RunningAnalytics } from '../testing/running-analytics.js';
import { openTail, TailReading } from '../testing/tail-lines.js';
import { TailWriter } from '../testing/tail-writer.js';
import { tool } from '../testing/tool.js';

const tshark = await tool('tshark');
const HOUR_MS = 3_600_000;

suiteRequires('GET /api/v1/tail', { postgres: await postgres() }, ({ postgres: { connection } }) => {
  let database: TestDatabase;
  let analytics: RunningAnalytics;
  let pool: pg.Pool;
  let store: IngestStore;

  beforeAll(async () => {
    database = await createDatabase(connection, migratedDatabase);
    analytics = await new RunningAnalytics(database.connection, new InProcessBus(), { partitions: 1 }).start();
    pool = createPool({ connection: database.connection, name: 'writer', onError: () => {} });
    store = new IngestStore(pool);
  });
  afterAll(async () => {
    await pool?.end();
    await analytics?.stop();
    await database?.drop();
  });
  beforeEach(async () => {
    await pool.query(`TRUNCATE analytics.section, analytics.loss, analytics.progress, analytics.partition_range,
      analytics.not_retained`);
    await pool.query('DELETE FROM analytics.position');
  });

  const open = (query: Record<string, string>, accept: string, headers: Record<string, string> = {}) =>
    openTail(analytics.url, query, accept, headers);

  it('gives 20 readers that come and go each packet once, while owners of 3 partitions take over', async () => {
    const writers = [0, 1, 2].map((partition) => new TailWriter(store, partition));
    // More than one step takes, of each partition.
    await Promise.all(writers.map((writer) => writer.commits(60)));
    let isWritten = false;
    const expected = () => writers.reduce((sum, { written }) => sum + written.length, 0);
    const reading = Array.from({ length: 20 }, async (_, reader) => {
      const tail = new TailReading();
      const isEnough = () => isWritten && tail.ids.length >= expected();
      // It breaks off anywhere, also before the cursor of what it got.
      for (let attempt = 0; !isEnough(); attempt++) {
        await tail.follow(analytics.url, { since: '-10m' }, isEnough, 3 + ((attempt * 131 + reader * 17) % 597));
      }
      return tail.ids;
    });
    const rounds = Number(process.env.BPFLEET_TEST_ROUNDS ?? 1) * 12;
    await Promise.all(
      writers.map(async (writer) => {
        for (let round = 0; round < rounds; round++) await writer.commits(1 + (round % 4));
      }),
    );
    isWritten = true;
    const all = writers.flatMap(({ written }) => written).toSorted();
    for (const ids of await Promise.all(reading)) expect(ids.toSorted()).toEqual(all);
  });

  it('goes on behind the event of Last-Event-ID, at each seam of past and live', async () => {
    const writer = new TailWriter(store, 0);
    await writer.commits(4);
    const tail = new TailReading();
    const { ids } = tail;
    let last: string | undefined;
    for (let seam = 0; seam < 6; seam++) {
      const response = await open({ since: '-10m' }, tailMediaTypes.events, last ? { 'last-event-id': last } : {});
      let more = true;
      let event = '';
      for await (const line of createInterface({ input: response })) {
        if (line.startsWith('id: ')) last = line.slice(4);
        if (line.startsWith('event: ')) event = line.slice(7);
        if (!line.startsWith('data: ') || event !== 'packets') continue;
        const data = JSON.parse(line.slice(6)) as { packets: PacketRow[] };
        ids.push(...data.packets.map(({ id }) => id));
        if (ids.length < writer.written.length) continue;
        if (!more) break;
        more = false;
        await writer.commits(2);
      }
      response.destroy();
      await writer.commits(1);
    }
    tail.cursor = last;
    await tail.follow(analytics.url, {}, () => ids.length >= writer.written.length);
    expect(ids).toEqual(writer.written);
  });

  it('gives late packets when they come, and none from before since', async () => {
    const writer = new TailWriter(store, 0);
    await writer.commits(1, 1, Date.now() - 3_600_000);
    const tail = new TailReading();
    await tail.follow(analytics.url, { since: '-10m' }, () => true);
    await writer.commits(1, 1, Date.now() - 300_000);
    await writer.commits(1, 1, Date.now() - 3_600_000);
    await writer.commits(1, 1);
    await tail.follow(analytics.url, { since: '-10m' }, ({ ids }) => ids.length >= 4);
    expect(tail.ids).toEqual([...writer.written.slice(2, 4), ...writer.written.slice(6)]);
  });

  it('has no logs in its cursor that have ended, and misses and repeats nothing when one goes on after all', async () => {
    const logs = Array.from({ length: 20 }, (_, run) => new TailWriter(store, run, `in-process/${run}/packets.v1`));
    for (const log of logs) await log.commits(1, 1);
    const hourMs = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - HOUR_MS;
    const [from, to, at] = [0, HOUR_MS, HOUR_MS / 6].map((ms) => `'${new Date(hourMs + ms).toISOString()}'`);
    await pool.query(`
      CREATE TABLE analytics.section_an_hour_ago PARTITION OF analytics.section FOR VALUES FROM (${from}) TO (${to});
      UPDATE analytics.section SET ingested_at = ${at};
      UPDATE analytics.partition_range SET hour = ${from};
      UPDATE analytics.position SET moved_at = ${at}, taken_at = ${at}`);
    const writer = new TailWriter(store, 20, 'log');
    await writer.commits(1, 1);
    const tail = new TailReading();
    const written = () => [writer, ...logs].flatMap((one) => one.written);
    const eachOnce = () => {
      expect(tail.ids).toHaveLength(written().length);
      expect(new Set(tail.ids)).toEqual(new Set(written()));
    };
    const followAll = () => tail.follow(analytics.url, { since: '-10m' }, ({ ids }) => ids.length >= written().length);
    const logsOf = (cursor = '') => {
      const { l } = JSON.parse(Buffer.from(cursor.slice(2), 'base64url').toString()) as { l: object };
      return Object.keys(l);
    };
    await followAll();
    eachOnce();
    expect(logsOf(tail.cursor)).toEqual(['log']);
    await logs[7]!.commits(1, 1);
    await writer.commits(1, 1);
    await followAll();
    eachOnce();
    expect(new Set(logsOf(tail.cursor))).toEqual(new Set(['in-process/7/packets.v1', 'log']));
    await pool.query('DROP TABLE analytics.section_an_hour_ago');
  });

  it('begins anew in a log that was replaced, and says so', async () => {
    const writer = new TailWriter(store, 0);
    const tail = new TailReading();
    await writer.commits(2, 1);
    await tail.follow(analytics.url, { since: '-10m' }, ({ ids }) => ids.length >= 4);
    const position = await store.takePosition('log', 0, 'finds another log');
    const loss = { firstOffset: 4n, endOffset: 4n, reason: 'log-replaced', detail: 'the log ends at 0' };
    await store.commit({ position, next: 0n, sections: [], quarantined: [], losses: [loss] });
    // Beyond where the reader was: by offsets alone nothing would be seen.
    await writer.commits(3, 1);
    await tail.follow(analytics.url, {}, ({ ids }) => ids.length >= writer.written.length);
    expect(tail.gaps).toMatchObject([{ reason: 'log-replaced', partition: 0, firstOffset: '4' }]);
    expect(tail.ids).toEqual(writer.written);
  });

  it('filters as queries do', async () => {
    const writer = new TailWriter(store, 0);
    const other = new TailWriter(store, 1);
    await writer.commits(1);
    await other.commits(1);
    const tail = new TailReading();
    const query = { since: '-10m', filter: 'tcp src port 1025', agent: 'host-1', version: 'web' };
    await tail.follow(analytics.url, query, ({ ids }) => ids.length > 0);
    expect(tail.ids).toEqual(other.written.filter((id) => id.endsWith('.1')));
  });

  it('refuses a cursor that is none, and an expression that is none', async () => {
    const codeOf = async (query: Record<string, string>) => {
      const response = await open(query, tailMediaTypes.ndjson);
      return Problem.parse(JSON.parse((await response.toArray()).join(''))).code;
    };
    expect(await codeOf({ cursor: '1.AAAA' })).toBe('REQUEST_INVALID');
    expect(await codeOf({ filter: 'tcp prot 80' })).toBe('FILTER_SYNTAX');
  });

  it.skipIf('unavailable' in tshark)('writes a capture without an end that tshark reads as it comes', async () => {
    const writer = new TailWriter(store, 0);
    await writer.commits(2);
    const response = await open({ since: '-10m', filter: 'tcp' }, tailMediaTypes.pcapng);
    expect(response.headers['content-type']).toBe(packetMediaTypes.pcapng);
    // Through a pipe, as in a shell: what Node opens for a child is a socket, which tshark refuses.
    const run = execFile('sh', ['-c', 'cat | tshark -l -n -r - -T fields -e tcp.srcport']);
    response.pipe(run.stdin!);
    const ports: string[] = [];
    for await (const line of createInterface({ input: run.stdout! })) {
      ports.push(line);
      // The live part: committed only when the past has come through.
      if (ports.length === 20) await writer.commits(1);
      if (ports.length === 30) break;
    }
    response.destroy();
    run.kill();
    expect(ports).toEqual(writer.written.map((id) => String(1024 + Number(id.split('.').at(-1)))));
  });
});
