import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { newRandom } from '../rig/seed.js';
import { AnalyticsRig, type AnalyticsRigOptions, until } from './analytics-rig.js';
import { longestPausesMs } from './longest-pauses.js';
import { expectStoredOnce, IS_LONG, ROUNDS } from './stored-once.js';

/** Of these, one is replaced each time. */
const REPLICAS = IS_LONG ? 3 : 2;
const REPLACED = IS_LONG ? 2 * ROUNDS : ROUNDS;
const PACKETS_PER_SECOND = IS_LONG ? 20_000 : 2_000;
const LONGEST_PAUSE_MS = 1_000;
const PROGRESS_WITHIN_MS = 30_000;

/** F13 of the failure suite: one comes, one goes, and all others are assigned anew twice each time. */
export function rebalanceStorm(servers: AnalyticsRigOptions): void {
  const title = `goes on while one of ${REPLICAS} replicas is replaced, ${REPLACED} times on end`;
  it(title, { timeout: 15_000 * (REPLACED + 8) }, async ({ onTestFinished }) => {
    const rig = await new AnalyticsRig(servers).start();
    onTestFinished(() => rig.stop());
    const replicas = await Promise.all(Array.from({ length: REPLICAS }, () => rig.startReplica()));
    const fromMs = Date.now();
    const endSending = rig.sendSteadily(PACKETS_PER_SECOND);
    await until('the first commit', async () => (await rig.commits.read()).some(({ isTaken }) => !isTaken));
    const random = newRandom();
    for (let replaced = 0; replaced < REPLACED; replaced++) {
      replicas.push(await rig.startReplica());
      await replicas.shift()!.process.end();
      await delay(random.below(LONGEST_PAUSE_MS));
    }
    await endSending();
    const untilMs = Date.now();
    const changes = await rig.commits.read();
    // All are sent to all the time.
    const pausesMs = longestPausesMs(changes, rig.partitions, { fromMs, untilMs });
    const takes = changes.filter(({ isTaken }) => isTaken).length;
    await expectStoredOnce(
      rig,
      `${REPLACED} replicas replaced in ${((untilMs - fromMs) / 1_000).toFixed(1)} s, partitions taken ${takes} times, ` +
        `longest without a commit in each of ${rig.partitions} partitions: ` +
        `${pausesMs.map((ms) => ms.toFixed(0)).join(', ')} ms (bar ${PROGRESS_WITHIN_MS})`,
    );
    expect(Math.max(...pausesMs)).toBeLessThan(PROGRESS_WITHIN_MS);
  });
}
