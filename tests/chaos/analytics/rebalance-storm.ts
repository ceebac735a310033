import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { newRandom } from '../rig/seed.js';
import { AnalyticsRig, type AnalyticsRigOptions, until } from './analytics-rig.js';
import type { Change } from './commit-log.js';
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
    const endSending = rig.sendSteadily(PACKETS_PER_SECOND);
    await until('the first commit', async () => (await rig.commits.read()).some(({ isTaken }) => !isTaken));
    const random = newRandom();
    for (let replaced = 0; replaced < REPLACED; replaced++) {
      replicas.push(await rig.startReplica());
      await replicas.shift()!.process.end();
      await delay(random.below(LONGEST_PAUSE_MS));
    }
    await endSending();
    const changes = await rig.commits.read();
    const pauseMs = longestPauseMs(changes);
    const takes = changes.filter(({ isTaken }) => isTaken).length;
    await expectStoredOnce(
      rig,
      `${REPLACED} replicas replaced, partitions taken ${takes} times, at most ${pauseMs.toFixed(0)} ms without a commit in one of ${rig.partitions} partitions`,
    );
    expect(pauseMs).toBeLessThan(PROGRESS_WITHIN_MS);
  });
}

/** Between two commits of one partition: all are sent to all the time. */
function longestPauseMs(changes: readonly Change[]): number {
  const commits = changes.filter(({ isTaken }) => !isTaken).toSorted((a, b) => a.atMs - b.atMs);
  const lastMs = new Map<number, number>();
  let longestMs = 0;
  for (const { partition, atMs } of commits) {
    longestMs = Math.max(longestMs, atMs - (lastMs.get(partition) ?? atMs));
    lastMs.set(partition, atMs);
  }
  return longestMs;
}
