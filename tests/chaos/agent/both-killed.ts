import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { expectRate } from '../rig/rate.js';
import { printRow } from '../rig/row.js';
import { newRandom } from '../rig/seed.js';
import { missingAndTwice, type OneHost } from './one-host.js';

/** 5 kills in the long form, `BPFLEET_TEST_ROUNDS=20`. */
const KILLS = Number(process.env.BPFLEET_TEST_ROUNDS ?? 0) < 20 ? 2 : 5;
const PACKETS_PER_SECOND = KILLS < 5 ? 2_000 : 20_000;
const LONGEST_LIFE_MS = 1_500;
/** Between two packets of a sender that has to wait for a processor, and of a kernel timer that is late likewise. */
const LATE_MS = 1_000;

interface Gap {
  readonly fromMs: number;
  readonly toMs: number;
}

/** F2 of the failure suite, without anybody left to hold the sockets. @param rig a fleet that has just started */
export function bothKilled(rig: OneHost): void {
  describe('opener and agent killed at once', () => {
    function killBoth(): number {
      const [opener, agent] = [rig.openerPid, rig.agentPid];
      const killedAtMs = Date.now();
      process.kill(opener, 'SIGKILL');
      process.kill(agent, 'SIGKILL');
      return killedAtMs;
    }

    it(`shows ${KILLS} times without a socket, with both ends; what is missing came then`, {
      timeout: 60_000 * (KILLS + 2),
    }, async () => {
      const sender = rig.senderTo(rig.hosts.host(1));
      sender.start(PACKETS_PER_SECOND);
      const gaps: Gap[] = [];
      const random = newRandom();
      let [captured, lost] = [0, 0];
      let { epoch, ledger } = await rig.untilCaptures(0);
      expect(ledger.withoutSocket).toBeUndefined();
      for (let kill = 0; kill < KILLS; kill++) {
        await delay(random.below(LONGEST_LIFE_MS));
        const killedAtMs = killBoth();
        await rig.fleet.agents.get('h1')!.exit();
        rig.fleet.startAgent(rig.hosts.host(1));
        const next = await rig.untilCaptures(epoch);
        const { before, withoutSocket } = next.ledger;
        const gap = { fromMs: Date.parse(withoutSocket!.from), toMs: Date.parse(withoutSocket!.to) };
        expect(gap.fromMs).toBeLessThan(killedAtMs);
        expect(gap.toMs).toBeGreaterThan(killedAtMs);
        expect(before).toMatchObject({ 'before-epoch': String(epoch) });
        captured += Number(before!['before-captured']);
        lost += Number(before!['before-lost']);
        gaps.push(gap);
        ({ epoch, ledger } = next);
      }
      const sent = await sender.stop();
      await rig.fleet.until('the last packets to be acknowledged', async () => {
        ledger = (await rig.status())!.ledger!;
        const { captured: taken, carriedPackets = 0, sentPackets, evictedPackets } = ledger.agent;
        return ledger.sockets.every((one) => one.passed === one.captured + one.droppedByKernel) && taken > 0
          ? sentPackets + evictedPackets === carriedPackets + taken
          : false;
      });
      captured += ledger.agent.captured;

      const stored = await rig.stored(captured - lost);
      const { missing, twice } = missingAndTwice(sent, stored);
      const unseenMs = gaps.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0);
      printRow(
        `${KILLS} kills of both, ${sent} packets sent at ${sender.rate}/s, ${missing} missing, ${twice} twice; ` +
          `${unseenMs.toFixed(0)} ms without a socket; captured in all epochs ${captured}, ${lost} of them lost`,
      );
      expectRate(sender.rate, PACKETS_PER_SECOND);
      expect(twice).toBe(0);
      // Nothing of the ledger is missing, and nothing that is missing is in it.
      expect(stored.size).toBe(captured - lost);
      expect(lost).toBe(0);
      expect(missing).toBeGreaterThan(0);
      expect(outside(gaps, sent, await rig.storedAtMs())).toEqual([]);
    });
  });
}

/** Runs of missing numbers that were not sent in one of the gaps, by the times of those stored before and behind them. */
function outside(gaps: readonly Gap[], sent: number, storedAtMs: ReadonlyMap<number, number>): string[] {
  const found: string[] = [];
  for (let number = 0, seen = Number.NaN; number < sent; number++) {
    const atMs = storedAtMs.get(number);
    if (atMs !== undefined && !storedAtMs.has(number - 1) && number > 0) {
      const [lastMs, first] = [seen, number];
      const isInside = gaps.some(({ fromMs, toMs }) => lastMs >= fromMs - LATE_MS && atMs <= toMs + LATE_MS);
      if (!isInside) found.push(`before ${first}: between ${lastMs} and ${atMs}`);
    }
    if (atMs !== undefined) seen = atMs;
  }
  return found;
}
