import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { newRandom } from '../rig/seed.js';
import { AnalyticsRig, type AnalyticsRigOptions, type Replica, until } from './analytics-rig.js';
import type { Change } from './commit-log.js';
import { FIRST_COMMIT_MS, LONGEST_LIFE_MS, PACKETS_PER_SECOND } from './killed.js';
import { expectStoredOnce, IS_LONG, inMiddleAndAtMost, middleAndMost, ROUNDS } from './stored-once.js';

const REPLICAS = 3;
const KILLS = Math.max(2, ROUNDS);

/** F1 of the failure suite: one of several is killed, and the others take its partitions over. */
export function analyticsFailover(servers: AnalyticsRigOptions): void {
  const title = `stores each packet once while one of ${REPLICAS} replicas is killed ${KILLS} times and the others go on`;
  it(title, { timeout: 45_000 * (KILLS + 4) }, async ({ onTestFinished }) => {
    const rig = await new AnalyticsRig(servers).start();
    onTestFinished(() => rig.stop());
    const fromMs = Date.now();
    const endSending = rig.sendSteadily(PACKETS_PER_SECOND);
    const random = newRandom();
    const replicas: Replica[] = [];
    const takesMs = Array.from({ length: rig.partitions }, (): number[] => []);
    for (let kill = 0; kill < KILLS; kill++) {
      await startMissing(rig, replicas);
      await delay(random.below(LONGEST_LIFE_MS));
      const [killed] = replicas.splice(random.below(REPLICAS), 1);
      for (const [partition, takenMs] of await failover(rig, killed!)) takesMs[partition]!.push(takenMs);
    }
    await endSending();
    const reached = rig.traffic.packets / ((Date.now() - fromMs) / 1_000);
    const all = takesMs.flat();
    const each = takesMs.map((ms) => (ms.length > 0 ? middleAndMost(ms).join(' and ') : 'never'));
    await expectStoredOnce(
      rig,
      `${KILLS} kills -9 of one of ${REPLICAS} at ${reached.toFixed(0)} packets/s (asked for: ${PACKETS_PER_SECOND}), ` +
        `${all.length} takeovers, to a survivor's first commit ${inMiddleAndAtMost(all)} ` +
        `(bar ${FIRST_COMMIT_MS}); the same by partition: ${each.join(', ')}`,
    );
    if (IS_LONG) expect(Math.max(...all)).toBeLessThanOrEqual(FIRST_COMMIT_MS);
  });
}

/** Starts those that are missing, and waits until each has its share. */
async function startMissing(rig: AnalyticsRig, replicas: Replica[]): Promise<void> {
  const beganMs = Date.now();
  const missing = Array.from({ length: REPLICAS - replicas.length }, () => rig.startReplica());
  replicas.push(...(await Promise.all(missing)));
  await until('a share for each', async () => isShared(await rig.commits.read(beganMs), rig.partitions));
}

/** Since a partition was taken last, all are committed in, by as many as there are: no assignment is under way. */
function isShared(changes: readonly Change[], partitions: number): boolean {
  const since = changes.slice(changes.findLastIndex(({ isTaken }) => isTaken) + 1);
  const committedIn = new Set(since.map(({ partition }) => partition));
  const committing = new Set(since.map(({ replica }) => replica));
  return committedIn.size === partitions && committing.size === REPLICAS;
}

/** Kills it. @returns each partition that it owned, and after how many ms another one committed something in it */
async function failover(rig: AnalyticsRig, { name, process }: Replica): Promise<(readonly [number, number])[]> {
  const owned = [...(await rig.commits.owners())].filter(([, owner]) => owner === name);
  expect(owned).not.toEqual([]);
  const killedAtMs = Date.now();
  await process.end('SIGKILL');
  const firsts = async () => {
    const commits = (await rig.commits.read(killedAtMs)).filter(({ replica, isTaken }) => replica !== name && !isTaken);
    return owned.flatMap(([partition]) => commits.find((commit) => commit.partition === partition) ?? []);
  };
  await until('survivors to commit', async () => (await firsts()).length === owned.length);
  return (await firsts()).map(({ partition, atMs }) => [partition, atMs - killedAtMs]);
}
