import { setTimeout as delay } from 'node:timers/promises';
import { canStartKafka, startOwnKafka, type TestKafka } from '@bpfleet/test-environment';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { commands } from '../../e2e/requirements.js';
import { postgres, suiteRequires } from '../../environment/src/requirements.js';
import { printRow } from '../rig/row.js';
import { newRandom, seeded } from '../rig/seed.js';
import { mountsHere, SmallDisk } from '../rig/small-disk.js';
import { AnalyticsRig, type Replica, until } from './analytics-rig.js';
import { IS_LONG, inMiddleAndAtMost, ROUNDS } from './stored-once.js';

const DISK_MIB = 256;
const PACKETS_PER_SECOND = 2_000;
const LONGEST_FULL_MS = IS_LONG ? 5_000 : 500;
const RECOVERY_MS = 30_000;
const needs = {
  ...{ broker: await canStartKafka(), postgres: await postgres() },
  ...{ mounts: mountsHere(), tools: commands('setpriv') },
};

// F8 of the failure suite, the disk of Kafka.
suiteRequires(seeded('a broker without space'), needs, ({ postgres: { connection } }) => {
  let disk: SmallDisk;
  let kafka: Required<TestKafka>;
  let rig: AnalyticsRig;
  let replica: Replica;
  beforeAll(async () => {
    disk = await SmallDisk.mount(DISK_MIB);
    const started = await startOwnKafka({ dataFolder: disk.path });
    if ('unavailable' in started) throw new Error(started.unavailable);
    kafka = started;
    rig = await new AnalyticsRig({ brokers: kafka.brokers, postgres: connection }).start();
    replica = await rig.startReplica();
  });
  afterAll(async () => {
    await disk?.free();
    await rig?.stop();
    await kafka?.stop();
    await disk?.unmount();
  });

  const stored = async (): Promise<number> => {
    const { rows } = await rig.pool.query<{ rows: number }>('SELECT count(*)::int AS rows FROM analytics.section');
    return rows[0]!.rows;
  };
  const moreStored = async (): Promise<void> => {
    const before = await stored();
    await until('more to be stored', async () => (await stored()) > before);
  };

  const title = `keeps what it acknowledged, and is used again when there is space, ${ROUNDS} times`;
  it(title, { timeout: 90_000 * (ROUNDS + 1) }, async () => {
    const endSending = rig.sendSteadily(PACKETS_PER_SECOND);
    const random = newRandom();
    const tookMs: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      await moreStored();
      const { failedRequests } = rig;
      await disk.fill();
      await until('it to take no more', () => rig.failedRequests > failedRequests);
      await delay(random.below(LONGEST_FULL_MS));
      await disk.free();
      const freeAtMs = performance.now();
      // What restarts services does so: a broker whose only disk fails ends itself, or is of no use until it is ended.
      await kafka.control.kill().catch(() => undefined);
      await kafka.control.restart();
      await moreStored();
      tookMs.push(performance.now() - freeAtMs);
    }
    await endSending();
    const found = await rig.found();
    // What was written and not acknowledged was sent again.
    const again = await rig.metric(replica, 'bpfleet_ingest_duplicates_total');
    printRow(
      `Kafka's disk full ${ROUNDS} times at ${PACKETS_PER_SECOND} packets/s, ${rig.traffic.packets} packets: ` +
        `${JSON.stringify(found)}, ${again} sections dropped as stored already; from space to the next stored section ` +
        inMiddleAndAtMost(tookMs),
    );
    expect(found).toEqual({ lost: 0, duplicate: 0, unaccounted: 0 });
    if (IS_LONG) expect(Math.max(...tookMs)).toBeLessThanOrEqual(RECOVERY_MS);
    expect(replica.process.hasExited).toBe(false);
  });
});
