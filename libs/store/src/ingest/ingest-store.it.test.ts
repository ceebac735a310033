import { createDatabase } from '@bpfleet/test-environment';
import { postgres, suiteRequires } from '@bpfleet/test-environment/requirements';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { minuteSums } from '../flows/minute-sums.js';
import { createPool } from '../pool.js';
import type { HeldPosition } from '../rows.js';
import { analyticsDatabase } from '../testing/analytics-database.js';
import { after, batch, flow, IngestRig, NOW_NS, section } from '../testing/ingest-rig.js';
import { IngestStore } from './ingest-store.js';

suiteRequires('IngestStore.commit', { postgres: await postgres() }, ({ postgres: server }) => {
  let rig: IngestRig;
  beforeAll(async () => {
    rig = new IngestRig(await createDatabase(server.connection, analyticsDatabase));
  });
  afterAll(() => rig?.stop());
  beforeEach(() => rig.empty());

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
    const result = await rig.store.commit(batch(await rig.take(), [section(0, given)]));
    expect(result).toMatchObject({ stored: 1, duplicates: 0, conflicts: 0, overlaps: 0, packets: 10 });
    expect(await rig.rows('SELECT * FROM analytics.section')).toMatchObject([
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
    await rig.store.commit(batch(await rig.take(), [section(0)], { flows: { next: 0n, flows, minutes: [] } }));
    const there = { source: '10.0.0.1', destination: '10.0.0.2', destination_port: 443, packets: 10 };
    expect(await rig.rows('SELECT * FROM analytics.flow_direction ORDER BY source, source_port')).toMatchObject([
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
    await rig.store.commit(batch(await rig.take(), [section(0)], { flows: { next: 0n, flows, minutes: [] } }));
    expect(await rig.rows('SELECT * FROM analytics.flow ORDER BY source')).toMatchObject([
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

  describe('stores flows', () => {
    const flush = (next: bigint) => ({ next, flows: [flow], minutes: minuteSums([flow], []) });
    const unfinished = async (position: HeldPosition) => {
      const offsets: bigint[] = [];
      for await (const { offset } of rig.store.sectionsWithoutFlows(position)) offsets.push(offset);
      return offsets;
    };

    it('of sections before, beside new ones, and says which have none yet', async () => {
      const position = await rig.take();
      const first = [section(0), section(1), section(0, { offset: 2n })];
      await rig.store.commit(batch(position, first));
      await rig.store.commit(batch({ ...position, next: 3n }, [section(3)], { flows: flush(3n) }));
      const taken = await rig.take('other');
      expect(taken).toMatchObject({ next: 4n, flowsNext: 3n });
      expect(await unfinished(taken)).toEqual([3n]);
      expect(await unfinished({ ...taken, flowsNext: 0n })).toEqual([0n, 1n, 3n]);
      expect(await rig.rows('SELECT packets, bytes, other_packets FROM analytics.flow_minute')).toEqual([
        { packets: '10', bytes: '5000000000', other_packets: '0' },
      ]);
    });
    it('once: not a second time by an owner that did not hear of the first', async () => {
      const position = await rig.take();
      await rig.store.commit(batch(position, [section(0)]));
      const alone = batch({ ...position, next: 1n }, [], { flows: flush(1n) });
      await rig.store.commit(alone);
      await expect(rig.store.commit(alone)).rejects.toMatchObject({ code: 'FENCED' });
      expect(await rig.rows('SELECT FROM analytics.flow')).toHaveLength(1);
    });
    it('of a part, and knows how old the rest is', async () => {
      const position = { ...(await rig.take()), next: 3n };
      await rig.store.commit(batch({ ...position, next: 0n }, [section(0), section(1), section(2)]));
      await rig.pool.query("UPDATE analytics.position SET flows_at = 'epoch'");
      const isOld = () => rig.rows("SELECT flows_at = 'epoch' AS is_old FROM analytics.position");
      await rig.store.commit(batch(position, [], { flows: flush(1n) }));
      expect(await isOld()).toEqual([{ is_old: true }]);
      expect(await unfinished(await rig.take('other'))).toEqual([1n, 2n]);
      await rig.store.commit(
        batch({ ...position, flowsNext: 1n, fence: position.fence + 1n }, [], { flows: flush(3n) }),
      );
      expect(await isOld()).toEqual([{ is_old: false }]);
    });
    it('of many sections, in the order of the log', async () => {
      const position = await rig.take();
      const many = Array.from({ length: 150 }, (_, seq) => section(seq));
      await rig.store.commit(batch(position, many));
      expect(await unfinished(await rig.take())).toEqual(many.map(({ offset }) => offset));
    });
    it('not of sections that an older log had at these offsets', async () => {
      const position = await rig.take();
      await rig.store.commit(batch(position, [section(0), section(1), section(2)]));
      const loss = { firstOffset: 3n, endOffset: 3n, reason: 'log-replaced', detail: 'x' };
      const begun = { next: 0n, flows: flush(0n), losses: [loss] };
      await rig.store.commit(batch({ ...position, next: 3n }, [], begun));
      await rig.store.commit(batch({ ...position }, [section(1, { offset: 0n, epoch: 2 })]));
      expect(await unfinished(await rig.take())).toEqual([0n]);
    });
  });

  it('quarantines and records losses in the same transaction as the offset', async () => {
    const position = await rig.take();
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
    await rig.store.commit(batch(position, [], { next: 4n, quarantined: [quarantined], losses: [loss] }));
    expect(await rig.rows('SELECT * FROM analytics.quarantine')).toMatchObject([
      {
        reason: 'bad-crc',
        agent: null,
        ts_min: null,
        detail: 'x\ufffdy',
        headers: { 'fmt\ufffd': '\ufffd' },
        body: Buffer.from('bad'),
      },
    ]);
    expect(await rig.rows('SELECT * FROM analytics.loss')).toMatchObject([
      { log: 'log', partition: 0, first_offset: '0', end_offset: '3', reason: 'retention' },
    ]);
    expect(await rig.take()).toMatchObject({ next: 4n });
  });

  it('quarantines a time that no bigint holds instead of failing for ever', async () => {
    const far = section(0, { tsMaxNs: 2n ** 63n });
    expect(await rig.store.commit(batch(await rig.take(), [far, section(1)]))).toMatchObject({ stored: 1 });
    expect(await rig.rows('SELECT reason, ts_max FROM analytics.quarantine')).toEqual([
      { reason: 'time-out-of-range', ts_max: null },
    ]);
  });

  it('widens the range of the hour, apart for a host whose clock is far off', async () => {
    const position = await rig.take();
    await rig.store.commit(batch(position, [section(0, { tsMinNs: 50n, tsMaxNs: 60n })]));
    await rig.store.commit(batch(after(position, 1n), [section(1, { tsMinNs: 0n, tsMaxNs: 1n, clockSuspect: true })]));
    await rig.store.commit(batch(after(position, 2n), [section(2, { tsMinNs: 40n, tsMaxNs: 55n })]));
    expect(
      await rig.rows('SELECT ts_min, ts_max, suspect_ts_min, suspect_ts_max FROM analytics.partition_range'),
    ).toEqual([{ ts_min: '40', ts_max: '60', suspect_ts_min: '0', suspect_ts_max: '1' }]);
  });

  it('makes a missing partition and goes on', async () => {
    const { rows: partitions } = await rig.pool.query<{ name: string }>(
      'SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = $1::regclass',
      ['analytics.section'],
    );
    for (const { name } of partitions) await rig.pool.query(`DROP TABLE ${name}`);
    expect(await rig.store.commit(batch(await rig.take(), [section(0)]))).toMatchObject({ stored: 1 });
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
