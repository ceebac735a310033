import { crc32 } from 'node:zlib';
import { createDatabase, type TestDatabase } from '@bpfleet/test-environment';
import { postgres, suiteRequires } from '@bpfleet/test-environment/requirements';
import type pg from 'pg';
import { from } from 'pg-copy-streams';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { FlowRow } from '../flows/flow-row.js';
import { minuteSums } from '../flows/minute-sums.js';
import { createPool } from '../pool.js';
import type { HeldPosition, IngestBatch, SectionRow } from '../rows.js';
import { analyticsDatabase } from '../testing/analytics-database.js';
import { IngestStore } from './ingest-store.js';
import { logIdentity } from './log-identity.js';
import { writerName } from './writer-name.js';

let database: TestDatabase;
let pool: pg.Pool;
let store: IngestStore;

const NOW_NS = 1_795_000_000_000_000_000n;

function section(seq: number, given: Partial<SectionRow> = {}): SectionRow {
  const body = given.body ?? Buffer.from(`section ${given.agent ?? 'a'} ${given.epoch ?? 1} ${seq}`);
  return {
    ...{ offset: BigInt(seq), agent: 'a', epoch: 1, seq, crc32: crc32(body), tsMinNs: NOW_NS, tsMaxNs: NOW_NS + 1n },
    ...{ packets: 10, filters: ['web@3'], droppedByKernel: 0, clockSuspect: false, body },
    ...given,
  };
}

const flow: FlowRow = {
  ...{ agent: 'a', filters: 'web@3', weights: '10', isPlain: true },
  ...{ source: Uint8Array.of(10, 0, 0, 1), destination: Uint8Array.of(10, 0, 0, 2) },
  ...{ sourcePort: 40_000, destinationPort: 443, protocol: 6, firstNs: NOW_NS, lastNs: NOW_NS + 1n },
  ...{ packets: 10, bytes: 5_000_000_000, tcpFlags: 0x1ff },
};

const batch = (
  position: HeldPosition,
  sections: readonly SectionRow[],
  given: Partial<IngestBatch> = {},
): IngestBatch => ({
  ...{
    position,
    sections,
    next: position.next + BigInt(sections.length),
    quarantined: [],
    losses: [],
  },
  ...given,
});

const take = (owner = 'me', partition = 0) => store.takePosition('log', partition, owner);
const after = (position: HeldPosition, next: bigint): HeldPosition => ({ ...position, next });

async function rows(sql: string): Promise<unknown[]> {
  return (await pool.query(sql)).rows;
}
const storedSeqs = async () =>
  (await pool.query<{ seq: string }>('SELECT seq FROM analytics.section ORDER BY seq')).rows.map(({ seq }) =>
    Number(seq),
  );

suiteRequires('The ingest transaction', { postgres: await postgres() }, ({ postgres: server }) => {
  beforeAll(async () => {
    database = await createDatabase(server.connection, analyticsDatabase);
    pool = createPool({ connection: database.connection, name: 'test', onError: () => {} });
    store = new IngestStore(pool);
  });
  afterAll(async () => {
    await pool.end();
    await database.drop();
  });
  beforeEach(async () => {
    await pool.query(`TRUNCATE analytics.section, analytics.flow, analytics.quarantine, analytics.loss, analytics.progress,
    analytics.position, analytics.partition_range, analytics.log_identity, analytics.identity_conflict`);
  });

  describe('IngestStore.takePosition', () => {
    it('starts a new log at its first offset', async () => {
      expect(await take()).toMatchObject({ logId: 'log', partition: 0, next: 0n, flowsNext: 0n });
    });
    it('goes on where the former owner stopped, behind a higher fence', async () => {
      const first = await take('first');
      await store.commit(batch(first, [section(0), section(1)]));
      expect(await take('second')).toEqual({ ...first, next: 2n, fence: first.fence + 1n });
    });
    it('tells when the record before was produced, as long as that is known', async () => {
      const first = await take();
      await store.commit({ ...batch(first, [section(0), section(1)]), lastRecordMs: 1_700_000_000_123 });
      const second = await take();
      expect(second).toMatchObject({ next: 2n, lastRecordMs: 1_700_000_000_123 });
      await store.commit(batch(second, [], { flows: { next: 2n, flows: [], minutes: [] } }));
      const third = await take();
      expect(third).toMatchObject({ next: 2n, flowsNext: 2n, lastRecordMs: 1_700_000_000_123 });
      await store.commit({ ...batch(third, []), next: 9n });
      expect((await take()).lastRecordMs).toBeUndefined();
    });
    it('keeps logs and partitions apart', async () => {
      await store.commit(batch(await take(), [section(0)]));
      expect(await take('me', 1)).toMatchObject({ next: 0n });
      expect(await store.takePosition('other log', 0, 'me')).toMatchObject({ next: 0n });
    });
    it('gives no fence twice, also where the position was deleted meanwhile', async () => {
      const fences: bigint[] = [];
      for (let round = 0; round < 3; round++) {
        for (let owner = 0; owner < 3; owner++) fences.push((await take()).fence);
        await pool.query('DELETE FROM analytics.position');
      }
      expect(fences).toEqual([...new Set(fences)].sort((a, b) => Number(a - b)));
    });
  });

  describe('IngestStore.commit', () => {
    it('stores a section as it came, with its place in the log', async () => {
      const body = Buffer.from(Array.from({ length: 70_000 }, (_, index) => index % 251));
      const given = {
        tsMinNs: -5n,
        tsMaxNs: 2n ** 62n,
        filters: ['web@3', 'dns@1'],
        droppedByKernel: 7,
        body,
        crc32: 0xfedcba98,
      };
      const result = await store.commit(batch(await take(), [section(0, given)]));
      expect(result).toMatchObject({ stored: 1, duplicates: 0, conflicts: 0, overlaps: 0, packets: 10 });
      expect(await rows('SELECT * FROM analytics.section')).toMatchObject([
        {
          ...{ log: 'log', partition: 0, log_offset: '0', agent: 'a', epoch: '1', seq: '0', crc32: String(0xfedcba98) },
          ...{ ts_min: '-5', ts_max: String(2n ** 62n), packets: 10, bytes: 70_000, filters: ['web@3', 'dns@1'] },
          ...{ clock_suspect: false, dropped_by_kernel: '7', opaque: true, bloom: null, body },
        },
      ]);
    });

    it('stores what went back beside the rest of a flow, and asks for each direction by itself', async () => {
      const back = { firstNs: NOW_NS + 2n, lastNs: NOW_NS + 3n, packets: 7, bytes: 6_000_000_000, tcpFlags: 0x12 };
      const flows = [flow, { ...flow, sourcePort: 40_001, back }];
      await store.commit(batch(await take(), [section(0)], { flows: { next: 0n, flows, minutes: [] } }));
      const there = { source: '10.0.0.1', destination: '10.0.0.2', destination_port: 443, packets: 10 };
      expect(await rows('SELECT * FROM analytics.flow_direction ORDER BY source, source_port')).toMatchObject([
        { ...there, source_port: 40_000 },
        { ...there, source_port: 40_001, first_ns: String(NOW_NS), bytes: '5000000000', tcp_flags: 0x1ff },
        {
          ...{ source: '10.0.0.2', destination: '10.0.0.1', source_port: 443, destination_port: 40_001, packets: 7 },
          ...{ first_ns: String(NOW_NS + 2n), last_ns: String(NOW_NS + 3n), bytes: '6000000000', tcp_flags: 0x12 },
          ...{ agent: 'a', filters: 'web@3', weights: '10', is_plain: true, protocol: 6 },
        },
      ]);
    });

    it('stores flows, of both address families', async () => {
      const flow6 = {
        ...flow,
        source: new Uint8Array(16).fill(0x20),
        destination: new Uint8Array(16),
        sourcePort: -1,
        destinationPort: -1,
      };
      const flows = [flow, flow6];
      await store.commit(batch(await take(), [section(0)], { flows: { next: 0n, flows, minutes: [] } }));
      expect(await rows('SELECT * FROM analytics.flow ORDER BY source')).toMatchObject([
        {
          ...{ agent: 'a', filters: 'web@3', weights: '10', is_plain: true },
          ...{ source: '10.0.0.1', destination: '10.0.0.2', source_port: 40_000 },
          ...{ destination_port: 443, protocol: 6, first_ns: String(NOW_NS), last_ns: String(NOW_NS + 1n) },
          ...{ packets: 10, bytes: '5000000000', tcp_flags: 0x1ff },
        },
        {
          source: '2020:2020:2020:2020:2020:2020:2020:2020',
          destination: '::',
          source_port: null,
          destination_port: null,
        },
      ]);
    });

    it('drops what is sent again, and says what is new', async () => {
      const position = await take();
      await store.commit(batch(position, [section(0), section(1)]));
      const again = batch(after(position, 2n), [section(1, { offset: 2n }), section(2, { offset: 3n })]);
      const { fresh, ...result } = await store.commit(again);
      expect(result).toEqual({ stored: 1, duplicates: 1, conflicts: 0, overlaps: 0, packets: 10 });
      expect(fresh.map(({ seq }) => seq)).toEqual([2]);
      expect(await storedSeqs()).toEqual([0, 1, 2]);
    });

    describe('stores flows', () => {
      const flush = (next: bigint) => ({ next, flows: [flow], minutes: minuteSums([flow], []) });
      const unfinished = async (position: HeldPosition) => {
        const offsets: bigint[] = [];
        for await (const { offset } of store.sectionsWithoutFlows(position)) offsets.push(offset);
        return offsets;
      };

      it('of sections before, beside new ones, and says which have none yet', async () => {
        const position = await take();
        const first = [section(0), section(1), section(0, { offset: 2n })];
        await store.commit(batch(position, first));
        await store.commit(batch({ ...position, next: 3n }, [section(3)], { flows: flush(3n) }));
        const taken = await take('other');
        expect(taken).toMatchObject({ next: 4n, flowsNext: 3n });
        expect(await unfinished(taken)).toEqual([3n]);
        expect(await unfinished({ ...taken, flowsNext: 0n })).toEqual([0n, 1n, 3n]);
        expect(await rows('SELECT packets, bytes, other_packets FROM analytics.flow_minute')).toEqual([
          { packets: '10', bytes: '5000000000', other_packets: '0' },
        ]);
      });
      it('once: not a second time by an owner that did not hear of the first', async () => {
        const position = await take();
        await store.commit(batch(position, [section(0)]));
        const alone = batch({ ...position, next: 1n }, [], { flows: flush(1n) });
        await store.commit(alone);
        await expect(store.commit(alone)).rejects.toMatchObject({ code: 'FENCED' });
        expect(await rows('SELECT FROM analytics.flow')).toHaveLength(1);
      });
      it('of a part, and knows how old the rest is', async () => {
        const position = { ...(await take()), next: 3n };
        await store.commit(batch({ ...position, next: 0n }, [section(0), section(1), section(2)]));
        await pool.query("UPDATE analytics.position SET flows_at = 'epoch'");
        const isOld = () => rows("SELECT flows_at = 'epoch' AS is_old FROM analytics.position");
        await store.commit(batch(position, [], { flows: flush(1n) }));
        expect(await isOld()).toEqual([{ is_old: true }]);
        expect(await unfinished(await take('other'))).toEqual([1n, 2n]);
        await store.commit(batch({ ...position, flowsNext: 1n, fence: position.fence + 1n }, [], { flows: flush(3n) }));
        expect(await isOld()).toEqual([{ is_old: false }]);
      });
      it('of many sections, in the order of the log', async () => {
        const position = await take();
        const many = Array.from({ length: 150 }, (_, seq) => section(seq));
        await store.commit(batch(position, many));
        expect(await unfinished(await take())).toEqual(many.map(({ offset }) => offset));
      });
      it('not of sections that an older log had at these offsets', async () => {
        const position = await take();
        await store.commit(batch(position, [section(0), section(1), section(2)]));
        const loss = { firstOffset: 3n, endOffset: 3n, reason: 'log-replaced', detail: 'x' };
        const begun = { next: 0n, flows: flush(0n), losses: [loss] };
        await store.commit(batch({ ...position, next: 3n }, [], begun));
        await store.commit(batch({ ...position }, [section(1, { offset: 0n, epoch: 2 })]));
        expect(await unfinished(await take())).toEqual([0n]);
      });
    });

    const conflicts = () =>
      rows('SELECT agent, epoch, kind, sections FROM analytics.identity_conflict ORDER BY 1, 2, 3');
    const quarantined = () =>
      rows('SELECT log_offset, reason, detail, headers FROM analytics.quarantine ORDER BY log_offset');
    const signed = (seq: number, sessionKey: string, given: Partial<SectionRow> = {}) =>
      section(seq, { sessionKey, signature: { sig: `by ${sessionKey}`, key: `for ${sessionKey}` }, ...given });

    it('keeps aside what a second key of an epoch signed, and stores it no more than it forgets it', async () => {
      const position = await take();
      await store.commit(batch(position, [signed(0, 'A'), signed(1, 'A')]));
      const other = [signed(2, 'B', { offset: 2n }), signed(2, 'A', { offset: 3n }), signed(3, 'B', { offset: 4n })];
      const result = await store.commit(batch(after(position, 2n), other));
      expect(result).toMatchObject({ stored: 1, duplicates: 0, conflicts: 2 });
      expect(await storedSeqs()).toEqual([0, 1, 2]);
      expect(await quarantined()).toEqual([
        {
          ...{
            log_offset: '2',
            reason: 'identity-conflict',
            detail: 'a, epoch 1, sequence 2: another key signs this epoch',
          },
          headers: expect.objectContaining({
            fmt: '1',
            seq: '2',
            sig: 'by B',
            key: 'for B',
            filters: 'web@3',
            packets: '10',
          }),
        },
        expect.objectContaining({ log_offset: '4' }),
      ]);
      expect(await conflicts()).toEqual([{ agent: 'a', epoch: '1', kind: 'other-key', sections: '2' }]);
      // What was kept aside was not seen: the rightful section of its number is stored.
      expect(await store.commit(batch(after(position, 5n), [signed(3, 'A', { offset: 5n })]))).toMatchObject({
        stored: 1,
      });
    });
    it('goes by the key that came first, also within one commit, and by each epoch', async () => {
      const position = await take();
      const mixed = [
        signed(0, 'A', { offset: 0n }),
        signed(1, 'B', { offset: 1n }),
        signed(2, 'C', { offset: 2n }),
        signed(3, 'A', { offset: 3n }),
        signed(0, 'B', { offset: 4n, epoch: 2 }),
        signed(0, 'B', { offset: 5n, agent: 'b' }),
      ];
      expect(await store.commit(batch(position, mixed))).toMatchObject({ stored: 4, conflicts: 2 });
      expect((await quarantined()).map((row) => (row as { log_offset: string }).log_offset)).toEqual(['1', '2']);
    });
    it('takes sections that nobody signed beside signed ones', async () => {
      const position = await take();
      const first = [section(0), signed(1, 'A', { offset: 1n }), section(2)];
      expect(await store.commit(batch(position, first))).toMatchObject({ stored: 3 });
      const then = [signed(3, 'B', { offset: 3n }), section(4), signed(5, 'A', { offset: 5n })];
      expect(await store.commit(batch(after(position, 3n), then))).toMatchObject({ stored: 2, conflicts: 1 });
      expect(await storedSeqs()).toEqual([0, 1, 2, 4, 5]);
    });
    it('stores what an older epoch captured beside a newer one, and flags its agent', async () => {
      const position = await take();
      const old = (seq: number, atNs: bigint) => section(seq, { tsMinNs: atNs, tsMaxNs: atNs });
      await store.commit(batch(position, [old(0, NOW_NS - 9n), section(0, { offset: 1n, epoch: 2 })]));
      const later = [old(1, NOW_NS + 1_000_000_000n), old(2, NOW_NS + 1_000_000_001n), old(3, NOW_NS + 5_000_000_000n)];
      const result = await store.commit(
        batch(
          after(position, 2n),
          later.map((one, i) => ({ ...one, offset: 2n + BigInt(i) })),
        ),
      );
      expect(result).toMatchObject({ stored: 3, conflicts: 0, overlaps: 2 });
      expect(await conflicts()).toEqual([{ agent: 'a', epoch: '1', kind: 'overlap', sections: '2' }]);
      // Sent again it is no news.
      const again = later.map((one, i) => ({ ...one, offset: 5n + BigInt(i) }));
      expect(await store.commit(batch(after(position, 5n), again))).toMatchObject({ duplicates: 3, overlaps: 0 });
    });
    it('sees both epochs also in one commit, and flags nobody for an epoch that just ended', async () => {
      const position = await take();
      const both = [
        section(0, { epoch: 2 }),
        section(0, { offset: 1n, tsMinNs: NOW_NS + 2_000_000_000n, tsMaxNs: NOW_NS + 2_000_000_000n }),
        section(0, { offset: 2n, agent: 'b', epoch: 2 }),
        section(0, { offset: 3n, agent: 'b', tsMinNs: NOW_NS - 5n }),
      ];
      expect(await store.commit(batch(position, both))).toMatchObject({ stored: 4, overlaps: 1 });
      expect(await conflicts()).toEqual([{ agent: 'a', epoch: '1', kind: 'overlap', sections: '1' }]);
    });

    it('keeps aside another section of the same identity', async () => {
      const position = await take();
      await store.commit(batch(position, [section(0)]));
      const forged = section(0, { offset: 1n, body: Buffer.from('forged') });
      expect(await store.commit(batch(after(position, 1n), [forged]))).toMatchObject({ stored: 0, conflicts: 1 });
      expect(await rows('SELECT * FROM analytics.quarantine')).toMatchObject([
        {
          ...{ reason: 'identity-conflict', log: 'log', partition: 0, log_offset: '1', agent: 'a', key: 'a' },
          ...{ ts_min: String(NOW_NS), headers: { agent: 'a', epoch: '1', seq: '0' }, body: Buffer.from('forged') },
        },
      ]);
      expect(await storedSeqs()).toEqual([0]);
    });

    it('remembers sections that retention has removed', async () => {
      const position = await take();
      await store.commit(batch(position, [section(0)]));
      await pool.query('TRUNCATE analytics.section');
      expect(await store.commit(batch(after(position, 1n), [section(0)]))).toMatchObject({ stored: 0, duplicates: 1 });
    });

    it('keeps one growing range per agent and epoch, and the gaps', async () => {
      const position = await take();
      await store.commit(batch(position, [section(0), section(1), section(0, { epoch: 2 })]));
      await store.commit(batch(after(position, 3n), [section(5), section(2), section(0, { agent: 'b' })]));
      expect(await rows('SELECT agent, epoch, seqs FROM analytics.progress ORDER BY agent, epoch')).toEqual([
        { agent: 'a', epoch: '1', seqs: '{[0,3),[5,6)}' },
        { agent: 'a', epoch: '2', seqs: '{[0,1)}' },
        { agent: 'b', epoch: '1', seqs: '{[0,1)}' },
      ]);
    });

    it('quarantines and records losses in the same transaction as the offset', async () => {
      const position = await take();
      const quarantined = {
        ...{
          offset: 3n,
          reason: 'bad-crc',
          detail: 'x\0y',
          key: 'k\0',
          headers: { 'fmt\0': '\ud800' },
          body: Buffer.from('bad'),
        },
      };
      const loss = { firstOffset: 0n, endOffset: 3n, reason: 'retention', detail: 'log starts at 3' };
      await store.commit(batch(position, [], { next: 4n, quarantined: [quarantined], losses: [loss] }));
      expect(await rows('SELECT * FROM analytics.quarantine')).toMatchObject([
        {
          reason: 'bad-crc',
          agent: null,
          ts_min: null,
          detail: 'x\ufffdy',
          headers: { 'fmt\ufffd': '\ufffd' },
          body: Buffer.from('bad'),
        },
      ]);
      expect(await rows('SELECT * FROM analytics.loss')).toMatchObject([
        { log: 'log', partition: 0, first_offset: '0', end_offset: '3', reason: 'retention' },
      ]);
      expect(await take()).toMatchObject({ next: 4n });
    });

    it('quarantines a time that no bigint holds instead of failing for ever', async () => {
      const far = section(0, { tsMaxNs: 2n ** 63n });
      expect(await store.commit(batch(await take(), [far, section(1)]))).toMatchObject({ stored: 1 });
      expect(await rows('SELECT reason, ts_max FROM analytics.quarantine')).toEqual([
        { reason: 'time-out-of-range', ts_max: null },
      ]);
    });

    it('widens the range of the hour, apart for a host whose clock is far off', async () => {
      const position = await take();
      await store.commit(batch(position, [section(0, { tsMinNs: 50n, tsMaxNs: 60n })]));
      await store.commit(batch(after(position, 1n), [section(1, { tsMinNs: 0n, tsMaxNs: 1n, clockSuspect: true })]));
      await store.commit(batch(after(position, 2n), [section(2, { tsMinNs: 40n, tsMaxNs: 55n })]));
      expect(
        await rows('SELECT ts_min, ts_max, suspect_ts_min, suspect_ts_max FROM analytics.partition_range'),
      ).toEqual([{ ts_min: '40', ts_max: '60', suspect_ts_min: '0', suspect_ts_max: '1' }]);
    });

    it('makes a missing partition and goes on', async () => {
      const { rows: partitions } = await pool.query<{ name: string }>(
        'SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = $1::regclass',
        ['analytics.section'],
      );
      for (const { name } of partitions) await pool.query(`DROP TABLE ${name}`);
      expect(await store.commit(batch(await take(), [section(0)]))).toMatchObject({ stored: 1 });
    });

    it('says STORE_UNAVAILABLE when Postgres cannot be reached', async () => {
      const away = createPool({ connection: { host: '/nowhere', user: 'x' }, name: 'away', onError: () => {} });
      const position = { logId: 'log', partition: 0, next: 0n, flowsNext: 0n, fence: 1n };
      await expect(new IngestStore(away).commit(batch(position, [section(0)]))).rejects.toMatchObject({
        code: 'STORE_UNAVAILABLE',
      });
      await away.end();
    });
  });

  describe('IngestStore, with two owners', () => {
    it('lets the former owner commit nothing', async () => {
      const former = await take('former');
      const newer = await take('newer');
      await expect(
        store.commit(batch(former, [section(0)], { flows: { next: 0n, flows: [flow], minutes: [] } })),
      ).rejects.toMatchObject({
        code: 'FENCED',
      });
      expect(await storedSeqs()).toEqual([]);
      expect(await rows('SELECT * FROM analytics.flow')).toEqual([]);
      expect(await rows('SELECT * FROM analytics.progress')).toEqual([]);
      expect(await store.commit(batch(newer, [section(0)]))).toMatchObject({ stored: 1 });
    });

    it('refuses a batch whose commit was taken for failed', async () => {
      const position = await take();
      await store.commit(batch(position, [section(0)]));
      await expect(store.commit(batch(position, [section(0)]))).rejects.toMatchObject({ code: 'FENCED' });
    });

    /** Resolves when a backend waits for rows of this process. */
    async function waitsForRows(): Promise<void> {
      for (;;) {
        const { rowCount } = await pool.query(
          "SELECT FROM pg_stat_activity WHERE query LIKE 'COPY analytics.loss%' AND wait_event = 'ClientRead'",
        );
        if (rowCount === 1) return;
      }
    }

    const hangs: [string, (client: pg.PoolClient) => Promise<unknown>][] = [
      ['before its commit', (client) => client.query("UPDATE analytics.position SET next = 99 WHERE log = 'log'")],
      [
        'within COPY',
        (client) => {
          // No timeout of Postgres ends this.
          client.query(from('COPY analytics.loss FROM STDIN')).on('error', () => {});
          return waitsForRows();
        },
      ],
    ];
    it.each(hangs)('does not wait for a former owner that hangs %s', async (_, hang) => {
      const former = await take('former');
      await store.commit(batch(former, [section(0)]));
      const zombie = await pool.connect();
      await zombie.query(`BEGIN; SET LOCAL application_name = '${writerName('log', 0)}'`);
      await zombie.query('UPDATE analytics.progress SET seqs = seqs');
      await hang(zombie);

      const newer = await take('newer');
      expect(newer).toMatchObject({ next: 1n, fence: former.fence + 1n });
      expect(await store.commit(batch(newer, [section(1)]))).toMatchObject({ stored: 1 });
      zombie.release(true);
    });

    it('does not deadlock when two partitions hold sections of the same agents', async () => {
      const agents = Array.from({ length: 20 }, (_, index) => `agent-${index}`);
      const [left, right] = await Promise.all([take('left', 0), take('right', 1)]);
      const rounds = Array.from({ length: 10 }, (_, round) => round);
      const write = async (position: HeldPosition, order: readonly string[]) => {
        let held = position;
        let stored = 0;
        for (const round of rounds) {
          const sections = order.map((agent) => section(round, { agent }));
          stored += (await store.commit(batch(held, sections))).stored;
          held = after(held, held.next + BigInt(sections.length));
        }
        return stored;
      };
      const stored = await Promise.all([write(left, agents), write(right, agents.toReversed())]);
      expect(stored[0]! + stored[1]!).toBe(agents.length * rounds.length);
    });
  });

  describe('logIdentity', () => {
    it('is made once per database and name', async () => {
      const [first, second, other] = [
        await logIdentity(pool, 'kafka'),
        await logIdentity(pool, 'kafka'),
        await logIdentity(pool, 'x'),
      ];
      expect(second).toBe(first);
      expect(other).not.toBe(first);
    });
  });
});
