import { setTimeout as delay } from 'node:timers/promises';
import { queryApi } from '@bpfleet/contract';
import { beforeAll, describe, expect, it } from 'vitest';
import { expectRate } from '../rig/rate.js';
import { printRow } from '../rig/row.js';
import { missingAndTwice, type OneHost } from './one-host.js';

/** 60 s in the long form, `BPFLEET_TEST_ROUNDS=20`. */
const ROUNDS = Number(process.env.BPFLEET_TEST_ROUNDS ?? 1);
const LOAD_MS = 3_000 * ROUNDS;
const PACKETS_PER_SECOND = 50_000;
const AFTERWARDS_PER_SECOND = 1_000;
const AFTERWARDS_MS = 500;
/** The agent runs a fifth of the time; its ring holds what comes in some 130 ms. */
const [STOPPED_MS, RUNNING_MS] = [400, 100];
const MIB = 1024 * 1024;

/** F11 of the failure suite. @param nextNumbers where the numbers of one more test begin */
export function overload(rig: OneHost, nextNumbers: () => number): void {
  describe('more packets than agent and brokers can take', () => {
    beforeAll(async () => {
      await rig.restartAgent({
        BPFLEET_AGENT_INTERFACES: 'eth0',
        BPFLEET_AGENT_RING_BYTES: String(MIB),
        BPFLEET_AGENT_SPOOL_BYTES: String(MIB),
      });
    });

    /** What is missing by the word of an answer. */
    async function counted(): Promise<{ droppedByKernel: number; packetsMissing: number }> {
      const query = { since: '-1h', limit: 1 };
      return (await rig.fleet.query.call(queryApi.listPackets, { query })).completeness;
    }

    async function slowAgent(signal: AbortSignal): Promise<void> {
      const pid = rig.agentPid;
      while (!signal.aborted) {
        process.kill(pid, 'SIGSTOP');
        await delay(STOPPED_MS);
        process.kill(pid, 'SIGCONT');
        await delay(RUNNING_MS);
      }
    }

    /** Brokers are away for a third of it, and the spool is small. */
    async function load(from: number): Promise<{ sent: number; rate: number }> {
      const [sender, ended] = [rig.senderTo(rig.hosts.host(1)), new AbortController()];
      sender.start(PACKETS_PER_SECOND, from);
      const slow = slowAgent(ended.signal);
      await delay(LOAD_MS / 3);
      await rig.kafka.control.pause();
      await delay(LOAD_MS / 3);
      await rig.kafka.control.resume();
      await delay(LOAD_MS / 3);
      const sent = await sender.stop();
      ended.abort();
      await slow;
      return { sent, rate: sender.rate };
    }

    it(`are stored or counted, each of them, in ${LOAD_MS / 1000} s of more than twice what fits`, {
      timeout: 120_000 + 4 * LOAD_MS,
    }, async () => {
      const [from, before] = [nextNumbers(), await counted()];
      // Of the spool: goes on over restarts.
      const { agent: spooled } = (await rig.status())!.ledger!;
      const { sent, rate } = await load(from);
      // Sections that follow tell the store what the agent has counted.
      const afterwards = rig.senderTo(rig.hosts.host(1));
      afterwards.start(AFTERWARDS_PER_SECOND, from + sent);
      await delay(AFTERWARDS_MS);
      const all = sent + (await afterwards.stop());
      const { ledger } = await rig.untilStatus('all to be sent or given up', (status) => {
        const { captured, sentPackets, evictedPackets } = status.ledger!.agent;
        const done = sentPackets - spooled.sentPackets + evictedPackets - spooled.evictedPackets;
        const dropped = status.ledger!.sockets.reduce((sum, one) => sum + one.droppedByKernel, 0);
        return captured + dropped === all && done === captured;
      });
      const acknowledged = ledger!.agent.sentPackets - spooled.sentPackets;
      const { missing, twice } = missingAndTwice(all, await rig.stored(acknowledged, from), from);
      const after = await counted();
      const dropped = after.droppedByKernel - before.droppedByKernel;
      const givenUp = after.packetsMissing - before.packetsMissing;
      printRow(
        `${all} packets sent, at ${rate}/s for ${LOAD_MS / 1000} s, ` +
          `${(all / (all - missing)).toFixed(1)} times what was stored: ${all - missing} stored, ${twice} twice, ` +
          `${dropped} dropped by the kernel and ${givenUp} given up by the spool, by the store's word`,
      );
      expectRate(rate, PACKETS_PER_SECOND);
      expect(twice).toBe(0);
      expect(missing).toBe(dropped + givenUp);
      expect(givenUp).toBe(ledger!.agent.evictedPackets - spooled.evictedPackets);
      expect(Math.min(dropped, givenUp)).toBeGreaterThan(0);
      expect(all).toBeGreaterThan(2 * (all - missing));
    });
  });
}
