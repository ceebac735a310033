import { setTimeout as delay } from 'node:timers/promises';
import type { BusRecord } from '@bpfleet/bus';
import { canStartKafka, startOwnKafka, type TestKafka } from '@bpfleet/test-environment';
import { type Admin, Kafka, logLevel } from 'kafkajs';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { commands } from '../../e2e/requirements.js';
import { postgres, suiteRequires } from '../../environment/src/requirements.js';
import { mutant } from '../rig/mutant.js';
import { printRow } from '../rig/row.js';
import { newRandom, seeded } from '../rig/seed.js';
import { AnalyticsRig, until } from './analytics-rig.js';
import { compareStored } from './stored-sections.js';
import { untilRead } from './until-read.js';

/** 20 in the long form. */
const ROUNDS = Number(process.env.BPFLEET_TEST_ROUNDS ?? 1);
const LONGEST_LIFE_MS = ROUNDS < 20 ? 500 : 5_000;
const LONGEST_AWAY_MS = ROUNDS < 20 ? 500 : 5_000;
const PACKETS_EACH = 20;
/** Sections before and behind a kill. */
const MORE = 30;
const PAUSE_MS = 20;
const needs = { broker: await canStartKafka(), postgres: await postgres(), tools: commands('setpriv') };

const withoutDedupe = mutant({
  file: 'libs/store/dist/ingest/dedupe.js',
  from: 'if (!known.has(key))',
  to: 'if (true)',
});

// F3 of the failure suite.
suiteRequires(seeded('brokers that are killed under analytics'), needs, ({ postgres: { connection } }) => {
  let kafka: Required<TestKafka>;
  let admin: Admin;
  let rig: AnalyticsRig;
  beforeAll(async () => {
    const started = await startOwnKafka();
    if ('unavailable' in started) throw new Error(started.unavailable);
    kafka = started;
  });
  afterAll(() => kafka?.stop());
  beforeEach(async () => {
    admin = new Kafka({ brokers: [...kafka.brokers], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    rig = await new AnalyticsRig({ brokers: kafka.brokers, postgres: connection }).start();
  });
  afterEach(async () => {
    await admin?.disconnect();
    await rig?.stop();
  });

  /**
   * Sends sections until it is ended, each record twice: at once, and again with later ones, as an agent does whose
   * acknowledgement was lost.
   */
  function sendTwice(): () => Promise<void> {
    const ended = new AbortController();
    const sending = (async () => {
      let before: BusRecord[] = [];
      for (let turn = 0; !ended.signal.aborted; turn++) {
        const records = [0, 1, 2].map((one) => rig.traffic.section(3 * turn + one, PACKETS_EACH));
        await rig.publish([...records, ...before]);
        before = records;
        await delay(PAUSE_MS);
      }
      await rig.publish(before);
    })();
    return () => {
      ended.abort();
      return sending;
    };
  }
  /** So many more are acknowledged. */
  async function more(sections: number): Promise<void> {
    const { size } = rig.traffic.sections;
    await until('sections to be acknowledged', () => rig.traffic.sections.size >= size + sections);
  }
  const found = async () => {
    await untilRead(rig.pool, admin, rig.topic);
    return compareStored(rig.pool, rig.traffic.sections);
  };

  it(`stores all that was acknowledged once in ${ROUNDS} kills`, { timeout: 60_000 * (ROUNDS + 2) }, async () => {
    const replica = await rig.startReplica();
    const endSending = sendTwice();
    const random = newRandom();
    for (let round = 0; round < ROUNDS; round++) {
      await more(MORE);
      await delay(random.below(LONGEST_LIFE_MS));
      await kafka.control.kill();
      await delay(random.below(LONGEST_AWAY_MS));
      await kafka.control.restart();
    }
    await more(MORE);
    await endSending();
    const { size } = rig.traffic.sections;
    const stored = await found();
    const again = await rig.metric(replica, 'bpfleet_ingest_duplicates_total');
    printRow(
      `${ROUNDS} kills -9 of Kafka, ${size} sections of ${PACKETS_EACH} packets sent twice: ${JSON.stringify(stored)}, ` +
        `${again} dropped as stored already`,
    );
    expect(stored).toEqual({ lost: 0, duplicate: 0, unaccounted: 0 });
    expect(again).toBeGreaterThanOrEqual(size);
    expect(replica.process.hasExited).toBe(false);
  });

  it('would store twice what was sent twice without the dedupe', { timeout: 60_000 }, async () => {
    await rig.startReplica(withoutDedupe);
    const endSending = sendTwice();
    await more(MORE);
    await endSending();
    const { lost, duplicate } = await found();
    expect(lost).toBe(0);
    expect(duplicate).toBeGreaterThan(0);
  });
});
