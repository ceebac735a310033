import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { commands } from '../../e2e/requirements.js';
import { kafka, postgres, suiteRequires } from '../../environment/src/requirements.js';
import { printRow } from '../rig/row.js';
import { newRandom, seeded } from '../rig/seed.js';
import { AnalyticsRig, type Replica, until } from './analytics-rig.js';
import { CountingReader } from './counting-reader.js';
import { expectStoredOnce, IS_LONG, inMiddleAndAtMost } from './stored-once.js';

const REPLICAS = IS_LONG ? 3 : 2;
const READERS = IS_LONG ? 20 : 5;
const PACKETS = IS_LONG ? 2_000_000 : 20_000;
// Twenty readers on two cores take no more of it in JSON.
const PACKETS_PER_SECOND = 4_000;
const REPLACED_EVERY_MS = IS_LONG ? 10_000 : 1_000;
const LONGEST_CONNECTION_MS = IS_LONG ? 10_000 : 1_000;
const CATCH_UP_MS = IS_LONG ? 600_000 : 60_000;

const needs = { kafka: await kafka(), postgres: await postgres(), tools: commands('setpriv') };

suiteRequires(seeded('readers of a tail'), needs, ({ kafka: { brokers }, postgres: { connection } }) => {
  let rig: AnalyticsRig;
  const replicas: Replica[] = [];
  beforeAll(async () => {
    rig = await new AnalyticsRig({ brokers, postgres: connection }).start();
    replicas.push(...(await Promise.all(Array.from({ length: REPLICAS }, () => rig.startReplica()))));
  });
  afterAll(() => rig?.stop());

  const title = `get ${PACKETS} packets once each, ${READERS} of them, while replicas are replaced and one is killed`;
  it(title, { timeout: CATCH_UP_MS * 3 }, async () => {
    const ended = new AbortController();
    const readers = Array.from({ length: READERS }, () => new CountingReader(rig.traffic));
    const random = newRandom();
    const anyReplica = () => random.of(replicas).url;
    const following = readers.map((reader) =>
      reader.follow(anyReplica, () => random.below(LONGEST_CONNECTION_MS), ended.signal),
    );
    const endSending = rig.sendSteadily(PACKETS_PER_SECOND);
    const begunMs = [performance.now()];
    for (let isLast = false; !isLast; ) {
      // From begin to begin, unless to replace one takes longer.
      await delay(Math.max(0, begunMs.at(-1)! + REPLACED_EVERY_MS - performance.now()));
      begunMs.push(performance.now());
      isLast = rig.traffic.packets >= PACKETS;
      const leaving = replicas.shift()!;
      await leaving.process.end(begunMs.length === 2 ? 'SIGKILL' : 'SIGTERM');
      replicas.push(await rig.startReplica());
    }
    await endSending();
    const periodsMs = begunMs.slice(1).map((atMs, index) => atMs - begunMs[index]!);
    const takes = (await rig.commits.read()).filter(({ isTaken }) => isTaken).length;
    await expectStoredOnce(
      rig,
      `${periodsMs.length} replicas replaced, the first of them by kill -9, one each ${inMiddleAndAtMost(periodsMs)} ` +
        `(asked for: ${REPLACED_EVERY_MS} ms), ${rig.partitions} partitions taken ${takes} times`,
    );
    const all = () => readers.every(({ count }) => count === rig.traffic.packets);
    await until('all readers to have all packets', all, CATCH_UP_MS).catch(() => undefined);
    ended.abort();
    await Promise.all(following);
    const connections = readers.reduce((sum, reader) => sum + reader.connections, 0);
    printRow(`${READERS} readers, ${connections} connections, ${rig.traffic.packets} packets for each`);
    const found = readers.map(({ count, duplicates, strange, gaps }) => ({ count, duplicates, strange, gaps }));
    const once = { count: rig.traffic.packets, duplicates: 0, strange: [], gaps: [] };
    expect(found).toEqual(readers.map(() => once));
  });
});
