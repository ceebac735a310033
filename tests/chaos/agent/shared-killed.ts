import type { LossLedger } from '@bpfleet/contract';
import { addCables, cableNames } from '@bpfleet/test-environment';
import { beforeAll, describe, expect, it } from 'vitest';
import { expectRate } from '../rig/rate.js';
import { printRow } from '../rig/row.js';
import { killBar } from './fate.js';
import { missingAndTwice, type OneHost } from './one-host.js';

/** 20 in the long form. */
const ROUNDS = Number(process.env.BPFLEET_TEST_ROUNDS ?? 1);
const CABLES = 20;
const MIB = 1024 * 1024;
const rings = [
  { that: 'holds what comes meanwhile', bytes: 64 * MIB, packetsPerSecond: 2_000 },
  { that: 'overflows meanwhile', bytes: MIB, packetsPerSecond: 20_000 },
];
const ringEnv = (bytes: number) => ({ BPFLEET_AGENT_INTERFACES: 'e*', BPFLEET_AGENT_RING_BYTES: String(bytes) });

/**
 * F2 of the failure suite, with one ring for many interfaces. The host keeps them.
 * @param nextNumbers where the numbers of one more test begin
 */
export function sharedKilled(rig: OneHost, nextNumbers: () => number): void {
  describe('an agent process that is killed, with one ring for many interfaces', () => {
    beforeAll(async () => {
      await rig.restartAgent(ringEnv(rings[0]!.bytes));
      await addCables(rig.hosts, rig.hosts.host(1), cableNames(CABLES));
    });

    const isShared = ({ sockets }: LossLedger) => {
      const open = sockets.filter(({ ended }) => ended === undefined);
      return open.length === 1 && open[0]!.sharedBy === CABLES + 1;
    };
    const droppedOf = ({ sockets }: LossLedger) =>
      sockets.reduce((sum, { droppedByKernel }) => sum + droppedByKernel, 0);

    it.each(rings.map((ring) => [ring.that, ring] as const))(
      `accounts for every packet and stores none twice in ${ROUNDS} kills with a ring that %s`,
      {
        timeout: 30_000 * (ROUNDS + 3),
      },
      async (_, { bytes, packetsPerSecond }) => {
        if (bytes !== rings[0]!.bytes) await rig.restartAgent(ringEnv(bytes));
        const { ledger: start, epoch: first } = await rig.untilStatus('one socket', ({ ledger }) => isShared(ledger!));
        const takenBefore = start!.agent.captured;
        const from = nextNumbers();
        const sender = rig.senderTo(rig.hosts.host(1));
        sender.start(packetsPerSecond, from);
        const bar = killBar(packetsPerSecond);
        let epoch = first;
        const before = { captured: 0, dropped: 0, lost: 0 };
        for (let round = 0; round < ROUNDS; round++) {
          await rig.untilStatus(
            'packets',
            ({ ledger, ...one }) => one.epoch === epoch && ledger!.agent.captured > takenBefore,
          );
          process.kill(rig.agentPid, 'SIGKILL');
          const next = await rig.untilStatus(
            'the next process',
            (status) => status.epoch > epoch && isShared(status.ledger!),
          );
          const said = next.ledger!.before!;
          before.captured += Number(said['before-captured']);
          before.dropped += Number(said['before-dropped']);
          before.lost += Number(said['before-lost']);
          expect(Number(said['before-lost'])).toBeLessThanOrEqual(bar.most);
          epoch = next.epoch;
        }
        const sent = await sender.stop();
        const last = await rig.untilStatus('the ledger to add up', ({ ledger }) => {
          const { captured: taken } = ledger!.agent;
          return before.captured + before.dropped + taken + droppedOf(ledger!) - takenBefore >= sent;
        });
        const { captured } = last.ledger!.agent;
        const dropped = before.dropped + droppedOf(last.ledger!);
        expect(before.captured + captured + dropped - takenBefore).toBe(sent);
        const stored = await rig.stored(sent - dropped - before.lost, from);
        const { missing, twice } = missingAndTwice(sent, stored, from);
        printRow(
          `${ROUNDS} kills, ${sent} packets at ${sender.rate}/s on ${CABLES} interfaces, ring of ${bytes / MIB} MiB: ` +
            `${missing} missing, ${twice} twice, ${dropped} dropped, ${before.lost} lost (bar of each kill ${bar.says})`,
        );
        expectRate(sender.rate, packetsPerSecond);
        expect({ missing, twice }).toEqual({ missing: dropped + before.lost, twice: 0 });
        expect(dropped > 0).toBe(bytes === MIB);
        const states = last.filters.map(({ state, reason }) => `${state} ${reason}`);
        expect(new Set(states)).toEqual(new Set(['attested shared socket']));
        expect(states).toHaveLength(CABLES + 1);
      },
    );
  });
}
