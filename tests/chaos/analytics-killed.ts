import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type AnalyticsRig, until } from './analytics-rig.js';

/** 20 in the long form. */
const ROUNDS = Number(process.env.BPFLEET_TEST_ROUNDS ?? 2);
const IS_LONG = ROUNDS >= 20;
const PACKETS_PER_SECOND = IS_LONG ? 20_000 : 2_000;
/** From its first commit on. */
const LONGEST_LIFE_MS = IS_LONG ? 3_000 : 500;
const FIRST_COMMIT_MS = 10_000;

/** F1 of the failure suite. @param rig without a replica */
export function analyticsKilled(rig: () => AnalyticsRig): void {
  describe('analytics killed again and again', () => {
    it(`stores each packet once in ${ROUNDS} kills`, { timeout: 30_000 * (ROUNDS + 4) }, async () => {
      const { commits } = rig();
      const endSending = rig().sendSteadily(PACKETS_PER_SECOND);
      const takes: number[] = [];
      let replica = await rig().startReplica();
      for (let round = 0; round <= ROUNDS; round++) {
        const { name } = replica;
        await until(`the first commit of ${name}`, async () => (await commits.firstOf(name)) !== undefined);
        if (round === ROUNDS) break;
        await delay(Math.random() * LONGEST_LIFE_MS);
        await replica.process.end('SIGKILL');
        const killedAtMs = Date.now();
        replica = await rig().spawnReplica();
        const next = replica.name;
        await until(`the first commit of ${next}`, async () => (await commits.firstOf(next)) !== undefined);
        takes.push((await commits.firstOf(next))!.atMs - killedAtMs);
      }
      await endSending();
      const found = await rig().found();
      await replica.process.end();
      const slowest = takes.toSorted((a, b) => a - b);
      console.info(
        `${ROUNDS} kills -9, ${rig().traffic.packets} packets: ${JSON.stringify(found)}; from kill to the next one's ` +
          `first commit ${slowest.at(ROUNDS >> 1)?.toFixed(0)} ms in the middle, ${slowest.at(-1)?.toFixed(0)} ms at most`,
      );
      expect(found).toEqual({ lost: 0, duplicate: 0, unaccounted: 0 });
      expect(await commits.ofZombies()).toEqual([]);
      if (IS_LONG) expect(slowest.at(-1)).toBeLessThanOrEqual(FIRST_COMMIT_MS);
    });
  });
}
