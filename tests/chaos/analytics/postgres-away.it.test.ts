import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { postgresUrl } from '../../e2e/postgres-url.js';
import { commands } from '../../e2e/requirements.js';
import { kafka, suiteRequires } from '../../environment/src/requirements.js';
import { newRandom, seeded } from '../rig/seed.js';
import { AnalyticsRig, type Replica, until } from './analytics-rig.js';
import { MortalPostgres } from './mortal-postgres.js';
import { expectStoredOnce, IS_LONG, inMiddleAndAtMost, ROUNDS } from './stored-once.js';
import { rowsBesideOffsets } from './stored-sections.js';

const REPLICAS = 2;
const PACKETS_PER_SECOND = IS_LONG ? 20_000 : 2_000;
const UNTIL_COMMITS_MS = 120_000;
const LONGEST_QUIET_MS = IS_LONG ? 3_000 : 500;
const LONGEST_OUTAGE_MS = IS_LONG ? 4_000 : 500;

interface Outage {
  readonly rounds: number;
  begin(postgres: MortalPostgres): Promise<void> | void;
  end(postgres: MortalPostgres): Promise<void> | void;
}
const outages: Readonly<Record<string, Outage>> = {
  'is killed': { rounds: ROUNDS, begin: (postgres) => postgres.kill(), end: (postgres) => postgres.restart() },
  'is away': { rounds: ROUNDS, begin: (postgres) => postgres.leave(), end: (postgres) => postgres.comeBack() },
  // What waits for an answer is given up after half a minute, so that a round takes up to one: in the long form alone.
  'falls silent': {
    rounds: IS_LONG ? ROUNDS : 0,
    begin: (postgres) => postgres.fallSilent(),
    end: (postgres) => postgres.comeBack(),
  },
};

const needs = { kafka: await kafka(), tools: commands('setpriv') };

// F7 of the failure suite.
suiteRequires(seeded('analytics over a Postgres that is not always there'), needs, ({ kafka: { brokers } }) => {
  let postgres: MortalPostgres;
  let rig: AnalyticsRig;
  let replicas: Replica[];
  beforeAll(async () => {
    postgres = await MortalPostgres.start();
    rig = await new AnalyticsRig({ brokers, postgres: postgres.url }).start();
    const env = { BPFLEET_POSTGRES_URL: postgres.byWay(postgresUrl(rig.database.connection)) };
    replicas = await Promise.all(Array.from({ length: REPLICAS }, () => rig.startReplica(env)));
  });
  afterAll(async () => {
    await rig?.stop();
    await postgres?.stop();
  });

  for (const [what, { rounds, begin, end }] of Object.entries(outages).filter(([, outage]) => outage.rounds > 0)) {
    const title = `stores each packet once when it ${what} ${rounds} times, and never ends`;
    it(title, { timeout: UNTIL_COMMITS_MS * (rounds + 2) }, async () => {
      const endSending = rig.sendSteadily(PACKETS_PER_SECOND);
      const takesMs: number[] = [];
      const random = newRandom();
      for (let round = 0; round < rounds; round++) {
        await untilCommits();
        await delay(random.below(LONGEST_QUIET_MS));
        await begin(postgres);
        await delay(random.below(LONGEST_OUTAGE_MS));
        await end(postgres);
        const backAtMs = Date.now();
        expect(await rowsBesideOffsets(rig.pool)).toEqual([]);
        await untilCommits();
        takesMs.push(Date.now() - backAtMs);
      }
      await endSending();
      const all = `to the next commit in all partitions ${inMiddleAndAtMost(takesMs)}`;
      await expectStoredOnce(rig, `Postgres ${what} ${rounds} times, ${all}`);
      expect(replicas.map(({ process }) => process.hasExited)).toEqual(replicas.map(() => false));
    });
  }

  /** Of all partitions: none hangs. */
  async function untilCommits(): Promise<void> {
    const sinceMs = Date.now();
    await until(
      'a commit in each partition',
      async () => (await rig.commits.partitionsSince(sinceMs)) === rig.partitions,
      UNTIL_COMMITS_MS,
    );
  }
});
