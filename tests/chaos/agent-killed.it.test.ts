import { setTimeout as delay } from 'node:timers/promises';
import type { LossLedger } from '@bpfleet/contract';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { hostsHere } from '../e2e/requirements.js';
import { postgres, suiteRequires } from '../environment/src/requirements.js';
import { missingAndTwice, OneHost } from './one-host.js';

/** 20 in the long form. */
const ROUNDS = Number(process.env.BPFLEET_TEST_ROUNDS ?? 3);
const MIB = 1024 * 1024;
const needs = { hosts: await hostsHere(), postgres: await postgres() };

const rings = [
  // It holds what comes while the agent starts again: on a machine that does much else at once, less.
  { name: 'that hold what comes meanwhile', bytes: 64 * MIB, packetsPerSecond: ROUNDS < 20 ? 2_000 : 20_000 },
  { name: 'that overflow meanwhile', bytes: MIB, packetsPerSecond: 20_000 },
];
const LONGEST_LIFE_MS = 1_500;

// F2 of the failure suite.
for (const { name, bytes, packetsPerSecond } of rings) {
  suiteRequires(`an agent process that is killed, with rings ${name}`, needs, ({ postgres: server }) => {
    const rig = new OneHost();
    const env = { BPFLEET_AGENT_RING_BYTES: String(bytes), BPFLEET_AGENT_INTERFACES: 'eth0' };
    beforeAll(() => rig.start(server.connection, env));
    afterAll(() => rig.stop());

    /** The first ledger of a later epoch that has packets. */
    async function ledgerAfter(epoch: number): Promise<{ epoch: number; ledger: LossLedger }> {
      let found: { epoch: number; ledger: LossLedger } | undefined;
      await rig.fleet.until('packets of the new process', async () => {
        const status = await rig.status();
        if (!status?.ledger || status.epoch <= epoch || status.ledger.agent.captured === 0) return false;
        found = { epoch: status.epoch, ledger: status.ledger };
        return true;
      });
      return found!;
    }

    it(`accounts for every packet and stores none twice in ${ROUNDS} kills at ${packetsPerSecond} packets/s`, {
      timeout: 30_000 * (ROUNDS + 3),
    }, async () => {
      rig.sender.start(packetsPerSecond);
      const before = noFate();
      let { epoch } = await ledgerAfter(0);
      for (let round = 0; round < ROUNDS; round++) {
        await delay(Math.random() * LONGEST_LIFE_MS);
        process.kill(rig.agentPid, 'SIGKILL');
        const next = await ledgerAfter(epoch);
        expect(next.ledger.before).toMatchObject({ 'before-epoch': String(epoch) });
        add(before, fateBefore(next.ledger));
        ({ epoch } = next);
      }
      const sent = await rig.sender.stop();
      let all = before;
      await rig.fleet.until('the ledger to add up to what was sent', async () => {
        all = add({ ...before }, fateOf((await rig.status())!.ledger!));
        return all.captured + all.dropped >= sent;
      });
      const { captured, dropped, lost } = all;
      const { missing, twice } = missingAndTwice(sent, await rig.stored(captured - lost));
      console.info(
        `${ROUNDS} kills, ${sent} packets sent, ${missing} missing, ${twice} twice; ` +
          `by the ledger ${captured} captured, ${dropped} dropped by the kernel, ${lost} lost of open sections`,
      );
      expect(captured + dropped).toBe(sent);
      expect({ missing, twice }).toEqual({ missing: dropped + lost, twice: 0 });
      if (bytes === MIB) expect(dropped).toBeGreaterThan(0);
      else if (ROUNDS < 20) expect(dropped).toBe(0);
    });
  });
}

/** What became of packets that passed the program, by the ledgers. */
interface Fate {
  captured: number;
  dropped: number;
  lost: number;
}

const noFate = (): Fate => ({ captured: 0, dropped: 0, lost: 0 });

function add(sum: Fate, { captured, dropped, lost }: Fate): Fate {
  sum.captured += captured;
  sum.dropped += dropped;
  sum.lost += lost;
  return sum;
}

/** Of the epoch before, by the word of the one after it. */
const fateBefore = ({ before }: LossLedger): Fate => ({
  captured: Number(before!['before-captured']),
  dropped: Number(before!['before-dropped']),
  lost: Number(before!['before-lost']),
});

const fateOf = ({ agent, sockets }: LossLedger): Fate => ({
  captured: agent.captured,
  dropped: sockets.reduce((sum, { droppedByKernel }) => sum + droppedByKernel, 0),
  lost: 0,
});
