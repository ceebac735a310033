import { setTimeout as delay } from 'node:timers/promises';
import { queryApi } from '@bpfleet/contract';
import { beforeAll, describe, expect, it } from 'vitest';
import { expectRate } from '../rig/rate.js';
import { printRow } from '../rig/row.js';
import { missingAndTwice, type OneHost } from './one-host.js';

/** 60 s in the long form. */
const ROUNDS = Number(process.env.BPFLEET_TEST_ROUNDS ?? 1);
const AWAY_MS = 3_000 * ROUNDS;
/** Ten times as much in the long form, on a machine that does nothing else. */
const PACKETS_PER_SECOND = ROUNDS < 20 ? 4_000 : 20_000;
const BEFORE_AND_AFTER_MS = 1_000;
const TIMEOUT_MS = 90_000 + 5 * AWAY_MS;
const MIB = 1024 * 1024;

/** F4 of the failure suite. @param nextNumbers where the numbers of one more test begin */
export function brokersAway(rig: OneHost, nextNumbers: () => number): void {
  async function awayUnderLoad(from: number): Promise<{ sent: number; rate: number }> {
    const sender = rig.senderTo(rig.hosts.host(1));
    sender.start(PACKETS_PER_SECOND, from);
    await delay(BEFORE_AND_AFTER_MS);
    await rig.kafka.control.pause();
    await delay(AWAY_MS);
    await rig.kafka.control.resume();
    await delay(BEFORE_AND_AFTER_MS);
    return { sent: await sender.stop(), rate: sender.rate };
  }

  const counts = async () => (await rig.status())!.ledger!.agent;
  /** In sections that did not come, by the word of an answer. */
  async function packetsMissing(): Promise<number> {
    const { completeness } = await rig.fleet.query.call(queryApi.listPackets, { query: { since: '-1h', limit: 1 } });
    return completeness.packetsMissing;
  }

  /** With the workload: what was found. */
  async function print(sent: number, rate: number, found: string): Promise<void> {
    const { capBytes } = (await rig.status())!.spool!;
    printRow(
      `${sent} packets sent at ${rate}/s, brokers away ${AWAY_MS / 1000} s of it, ` +
        `spool of ${capBytes / MIB} MiB: ${found}`,
    );
    expectRate(rate, PACKETS_PER_SECOND);
  }

  const doneWith = async (): Promise<number> => {
    const { sentPackets, evictedPackets } = await counts();
    return sentPackets + evictedPackets;
  };

  /** Until every packet that was sent is acknowledged by Kafka or given up, by the agent's own word. */
  async function untilDoneWith(packets: number): Promise<void> {
    const isDone = async () => (await doneWith()) >= packets;
    await rig.fleet.until('all packets to be sent or given up', isDone, TIMEOUT_MS / 2);
  }

  describe('brokers that are away, below the cap of the spool', () => {
    it(`loses nothing in ${AWAY_MS / 1000} s at ${PACKETS_PER_SECOND} packets/s`, { timeout: TIMEOUT_MS }, async () => {
      const [from, before, givenUpBefore] = [nextNumbers(), await doneWith(), (await counts()).evictedPackets];
      const { sent, rate } = await awayUnderLoad(from);
      await untilDoneWith(before + sent);
      const found = missingAndTwice(sent, await rig.stored(sent, from), from);
      const givenUp = (await counts()).evictedPackets - givenUpBefore;
      await print(sent, rate, `${givenUp} given up, ${found.missing} missing, ${found.twice} twice`);
      expect([givenUp, found]).toEqual([0, { missing: 0, twice: 0 }]);
    });
  });

  describe('brokers that are away, above the cap of the spool', () => {
    beforeAll(async () => {
      await rig.restartAgent({ BPFLEET_AGENT_SPOOL_BYTES: String(MIB) });
    });

    it('stores or gives up each packet, and counts exactly', { timeout: TIMEOUT_MS }, async () => {
      const [from, before, givenUpBefore] = [nextNumbers(), await doneWith(), (await counts()).evictedPackets];
      const missingBefore = await packetsMissing();
      const { sent, rate } = await awayUnderLoad(from);
      await untilDoneWith(before + sent);
      const givenUp = (await counts()).evictedPackets - givenUpBefore;
      const stored = await rig.stored(sent - givenUp, from);
      const found = missingAndTwice(sent, stored, from);
      await print(sent, rate, `${givenUp} given up, ${found.missing} missing, ${found.twice} twice`);
      expect(givenUp).toBeGreaterThan(0);
      expect(found).toEqual({ missing: givenUp, twice: 0 });
      expect((await packetsMissing()) - missingBefore).toBe(givenUp);
    });
  });
}
