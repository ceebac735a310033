import { createDatabase } from '@bpfleet/test-environment';
import { postgres, suiteRequires } from '@bpfleet/test-environment/requirements';
import type pg from 'pg';
import { from } from 'pg-copy-streams';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { HeldPosition } from '../rows.js';
import { analyticsDatabase } from '../testing/analytics-database.js';
import { after, batch, flow, IngestRig, section } from '../testing/ingest-rig.js';
import { logIdentity } from './log-identity.js';
import { writerName } from './writer-name.js';

suiteRequires('The owner of a partition', { postgres: await postgres() }, ({ postgres: server }) => {
  let rig: IngestRig;
  beforeAll(async () => {
    rig = new IngestRig(await createDatabase(server.connection, analyticsDatabase));
  });
  afterAll(() => rig?.stop());
  beforeEach(() => rig.empty());

  describe('IngestStore.takePosition', () => {
    it('starts a new log at its first offset', async () => {
      expect(await rig.take()).toMatchObject({ logId: 'log', partition: 0, next: 0n, flowsNext: 0n });
    });
    it('goes on where the former owner stopped, behind a higher fence', async () => {
      const first = await rig.take('first');
      await rig.store.commit(batch(first, [section(0), section(1)]));
      expect(await rig.take('second')).toEqual({ ...first, next: 2n, fence: first.fence + 1n });
    });
    it('tells when the record before was produced, as long as that is known', async () => {
      const first = await rig.take();
      await rig.store.commit({ ...batch(first, [section(0), section(1)]), lastRecordMs: 1_700_000_000_123 });
      const second = await rig.take();
      expect(second).toMatchObject({ next: 2n, lastRecordMs: 1_700_000_000_123 });
      await rig.store.commit(batch(second, [], { flows: { next: 2n, flows: [], minutes: [] } }));
      const third = await rig.take();
      expect(third).toMatchObject({ next: 2n, flowsNext: 2n, lastRecordMs: 1_700_000_000_123 });
      await rig.store.commit({ ...batch(third, []), next: 9n });
      expect((await rig.take()).lastRecordMs).toBeUndefined();
    });
    it('keeps logs and partitions apart', async () => {
      await rig.store.commit(batch(await rig.take(), [section(0)]));
      expect(await rig.take('me', 1)).toMatchObject({ next: 0n });
      expect(await rig.store.takePosition('other log', 0, 'me')).toMatchObject({ next: 0n });
    });
    it('gives no fence twice, also where the position was deleted meanwhile', async () => {
      const fences: bigint[] = [];
      for (let round = 0; round < 3; round++) {
        for (let owner = 0; owner < 3; owner++) fences.push((await rig.take()).fence);
        await rig.pool.query('DELETE FROM analytics.position');
      }
      expect(fences).toEqual([...new Set(fences)].sort((a, b) => Number(a - b)));
    });
  });

  describe('IngestStore, with two owners', () => {
    it('lets the former owner commit nothing', async () => {
      const former = await rig.take('former');
      const newer = await rig.take('newer');
      await expect(
        rig.store.commit(batch(former, [section(0)], { flows: { next: 0n, flows: [flow], minutes: [] } })),
      ).rejects.toMatchObject({
        code: 'FENCED',
      });
      expect(await rig.storedSeqs()).toEqual([]);
      expect(await rig.rows('SELECT * FROM analytics.flow')).toEqual([]);
      expect(await rig.rows('SELECT * FROM analytics.progress')).toEqual([]);
      expect(await rig.store.commit(batch(newer, [section(0)]))).toMatchObject({ stored: 1 });
    });

    it('refuses a batch whose commit was taken for failed', async () => {
      const position = await rig.take();
      await rig.store.commit(batch(position, [section(0)]));
      await expect(rig.store.commit(batch(position, [section(0)]))).rejects.toMatchObject({ code: 'FENCED' });
    });

    /** Resolves when a backend waits for rows of this process. */
    async function waitsForRows(): Promise<void> {
      for (;;) {
        const { rowCount } = await rig.pool.query(
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
      const former = await rig.take('former');
      await rig.store.commit(batch(former, [section(0)]));
      const zombie = await rig.pool.connect();
      await zombie.query(`BEGIN; SET LOCAL application_name = '${writerName('log', 0)}'`);
      await zombie.query('UPDATE analytics.progress SET seqs = seqs');
      await hang(zombie);

      const newer = await rig.take('newer');
      expect(newer).toMatchObject({ next: 1n, fence: former.fence + 1n });
      expect(await rig.store.commit(batch(newer, [section(1)]))).toMatchObject({ stored: 1 });
      zombie.release(true);
    });

    it('does not deadlock when two partitions hold sections of the same agents', async () => {
      const agents = Array.from({ length: 20 }, (_, index) => `agent-${index}`);
      const [left, right] = await Promise.all([rig.take('left', 0), rig.take('right', 1)]);
      const rounds = Array.from({ length: 10 }, (_, round) => round);
      const write = async (position: HeldPosition, order: readonly string[]) => {
        let held = position;
        let stored = 0;
        for (const round of rounds) {
          const sections = order.map((agent) => section(round, { agent }));
          stored += (await rig.store.commit(batch(held, sections))).stored;
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
        await logIdentity(rig.pool, 'kafka'),
        await logIdentity(rig.pool, 'kafka'),
        await logIdentity(rig.pool, 'x'),
      ];
      expect(second).toBe(first);
      expect(other).not.toBe(first);
    });
  });
});
