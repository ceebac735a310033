import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { commands } from '../../e2e/requirements.js';
import { kafka, suiteRequires } from '../../environment/src/requirements.js';
import { printRow } from '../rig/row.js';
import { newRandom, seeded } from '../rig/seed.js';
import { mountsHere } from '../rig/small-disk.js';
import { AnalyticsRig, type Replica, until } from './analytics-rig.js';
import { CrampedPostgres } from './cramped-postgres.js';
import { rowsBesideOffsets } from './stored-sections.js';

/** 20 in the long form. */
const ROUNDS = Number(process.env.BPFLEET_TEST_ROUNDS ?? 1);
const PACKETS_PER_SECOND = 5_000;
const LONGEST_FULL_MS = ROUNDS < 20 ? 500 : 5_000;
const RECOVERY_MS = 30_000;
const needs = { kafka: await kafka(), mounts: mountsHere(), tools: commands('setpriv') };

// F8 of the failure suite, the disks of Postgres.
suiteRequires(seeded('analytics over a Postgres without space'), needs, ({ kafka: { brokers } }) => {
  let postgres: CrampedPostgres;
  let rig: AnalyticsRig;
  let replica: Replica;
  beforeAll(async () => {
    postgres = await CrampedPostgres.start();
    rig = await new AnalyticsRig({ brokers, postgres: postgres.connection, partitions: 2 }).start();
    replica = await rig.startReplica();
  });
  afterAll(async () => {
    // Without space it does not even end.
    await Promise.all([postgres?.data.free(), postgres?.wal.free()]);
    await rig?.stop();
    await postgres?.stop();
  });

  const commitsSince = async (beginMs: number) =>
    (await rig.commits.read()).filter(({ atMs, isTaken }) => atMs > beginMs && !isTaken).length;
  const unavailable = () => rig.metric(replica, 'bpfleet_ingest_failures_total');
  const panics = () => postgres.log.filter((line) => line.includes('PANIC')).length;

  /** Nothing can be committed any more. */
  const untilFull = {
    data: async () => {
      const before = await unavailable();
      await until('a commit to fail', async () => (await unavailable()) > before);
    },
    wal: async () => {
      const before = panics();
      await until('Postgres to give up', async () => {
        // The rest of a segment is passed over: sooner than by writing, a new one is needed.
        await rig.pool.query('SELECT pg_switch_wal()').catch(() => undefined);
        return panics() > before;
      });
    },
  } as const;

  it.each(['data', 'wal'] as const)(
    `goes on when there is space again, ${ROUNDS} times for the disk of its %s`,
    {
      timeout: 120_000 * (ROUNDS + 1),
    },
    async (which) => {
      const endSending = rig.sendSteadily(PACKETS_PER_SECOND);
      const tookMs: number[] = [];
      const random = newRandom();
      for (let round = 0; round < ROUNDS; round++) {
        const beginMs = Date.now();
        await until('commits', async () => (await commitsSince(beginMs)) > 0);
        await postgres[which].fill();
        await untilFull[which]();
        await delay(random.below(LONGEST_FULL_MS));
        await postgres[which].free();
        const freeAtMs = Date.now();
        await until('commits with space', async () => (await commitsSince(freeAtMs).catch(() => 0)) > 0);
        tookMs.push(Date.now() - freeAtMs);
      }
      await endSending();
      const found = await rig.found();
      const slowestMs = Math.max(...tookMs);
      printRow(
        `disk of ${which} full ${ROUNDS} times at ${PACKETS_PER_SECOND} packets/s, ${rig.traffic.packets} packets: ` +
          `${JSON.stringify(found)}, at most ${slowestMs} ms from space to the next commit, ${panics()} panics`,
      );
      expect(found).toEqual({ lost: 0, duplicate: 0, unaccounted: 0 });
      expect(await rowsBesideOffsets(rig.pool)).toEqual([]);
      if (ROUNDS >= 20) expect(slowestMs).toBeLessThanOrEqual(RECOVERY_MS);
      expect(replica.process.hasExited).toBe(false);
    },
  );
});
