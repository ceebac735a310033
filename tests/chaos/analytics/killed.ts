import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { newRandom } from '../rig/seed.js';
import { AnalyticsRig, type AnalyticsRigOptions, type Replica, until } from './analytics-rig.js';
import { expectStoredOnce, IS_LONG, inMiddleAndAtMost, ROUNDS } from './stored-once.js';

export const PACKETS_PER_SECOND = IS_LONG ? 20_000 : 2_000;
/** From its first commit on. */
export const LONGEST_LIFE_MS = IS_LONG ? 3_000 : 500;
export const FIRST_COMMIT_MS = 10_000;

/** F1 of the failure suite: the only one is killed, and started again. */
export function analyticsKilled(servers: AnalyticsRigOptions): void {
  const title = `stores each packet once while analytics is killed ${ROUNDS} times`;
  it(title, { timeout: 30_000 * (ROUNDS + 4) }, async ({ onTestFinished }) => {
    const rig = await new AnalyticsRig(servers).start();
    onTestFinished(() => rig.stop());
    const endSending = rig.sendSteadily(PACKETS_PER_SECOND);
    const firstCommit = async ({ name }: Replica) => {
      await until(`the first commit of ${name}`, async () => (await rig.commits.firstOf(name)) !== undefined);
      return (await rig.commits.firstOf(name))!.atMs;
    };
    let replica = await rig.startReplica();
    await firstCommit(replica);
    const takesMs: number[] = [];
    const random = newRandom();
    for (let kill = 0; kill < ROUNDS; kill++) {
      await delay(random.below(LONGEST_LIFE_MS));
      await replica.process.end('SIGKILL');
      const killedAtMs = Date.now();
      replica = await rig.spawnReplica();
      takesMs.push((await firstCommit(replica)) - killedAtMs);
    }
    await endSending();
    await expectStoredOnce(rig, `${ROUNDS} kills -9, to the first commit of the next ${inMiddleAndAtMost(takesMs)}`);
    if (IS_LONG) expect(Math.max(...takesMs)).toBeLessThanOrEqual(FIRST_COMMIT_MS);
  });
}
