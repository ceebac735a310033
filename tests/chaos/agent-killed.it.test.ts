import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { LossLedger } from '@bpfleet/contract';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { hostsHere } from '../e2e/requirements.js';
import { postgres, suiteRequires } from '../environment/src/requirements.js';
import { missingAndTwice, OneHost } from './one-host.js';

/** 20 in the long form. */
const ROUNDS = Number(process.env.BPFLEET_TEST_ROUNDS ?? 3);
const MIB = 1024 * 1024;
/** Numbers of each test begin at a multiple of it. */
const RANGE = 10_000_000;
const needs = { hosts: await hostsHere(), postgres: await postgres() };

const rings = [
  // It holds what comes while the agent starts again: on a machine that does much else at once, less.
  { name: 'that hold what comes meanwhile', bytes: 64 * MIB, packetsPerSecond: ROUNDS < 20 ? 2_000 : 20_000 },
  { name: 'that overflow meanwhile', bytes: MIB, packetsPerSecond: 20_000 },
];
const LONGEST_LIFE_MS = 1_500;
/** What a process has mapped, in the order in which it takes over: the section that was left open, then the rings. */
const STEPS = [/\/open-section$/m, /socket:\[/] as const;
const TAKE_OVER_MS = 100;

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

    it.runIf(bytes > MIB)(
      `loses and doubles none when the next process is killed while it takes over, ${ROUNDS} times`,
      {
        timeout: 30_000 * (ROUNDS + 3),
      },
      async () => {
        const { epoch: first, ledger: start } = (await rig.status())! as { epoch: number; ledger: LossLedger };
        const sender = rig.senderTo(rig.hosts.host(1));
        sender.start(packetsPerSecond, RANGE);
        let epoch = first;
        const steps: string[] = [];
        for (let round = 0; round < ROUNDS; round++) {
          await delay(Math.random() * LONGEST_LIFE_MS);
          const killed = rig.agentPid;
          process.kill(killed, 'SIGKILL');
          steps.push(await killTakingOver(killed, STEPS[round % STEPS.length]!));
          ({ epoch } = await ledgerAfter(epoch));
        }
        const sent = await sender.stop();
        const fates = fatesSaid(rig.fleet.agents.get('h1')!.stdout, first);
        const before = [...fates.values()].reduce(add, noFate());
        let all = before;
        await rig.fleet.until('the ledgers to add up to what was sent', async () => {
          all = add({ ...before }, fateOf((await rig.status())!.ledger!));
          return all.captured + all.dropped - start.agent.captured >= sent;
        });
        const { captured, dropped, lost } = all;
        const { missing, twice } = missingAndTwice(sent, await rig.stored(captured - lost), RANGE);
        console.info(
          `${ROUNDS} processes killed while they took over: ${steps.join(', ')}; in ${fates.size} epochs that ended ` +
            `${sent} packets sent, ${missing} missing, ${twice} twice; ${dropped} dropped by the kernel, ${lost} lost`,
        );
        expect(fates.size).toBeGreaterThan(ROUNDS);
        expect(captured + dropped - start.agent.captured).toBe(sent);
        expect({ missing, twice }).toEqual({ missing: dropped + lost, twice: 0 });
        if (ROUNDS < 20) expect(dropped + lost).toBe(0);
      },
    );

    /** Kills the process after this one once it has come so far, or a moment later. */
    async function killTakingOver(before: number, step: RegExp): Promise<string> {
      let next = before;
      await rig.fleet.until('the next process', async () => {
        next = rig.agentPid;
        return next !== before && next > 0;
      });
      while (!step.test(mapsOf(next))) await delay(1);
      const laterMs = Math.random() * TAKE_OVER_MS;
      await delay(laterMs);
      process.kill(next, 'SIGKILL');
      return `${laterMs.toFixed(0)} ms behind ${step.source}`;
    }
  });
}

const mapsOf = (pid: number): string => readFileSync(`/proc/${pid}/maps`, 'utf8');

/** What each process that took over said of the one before it, by the epoch of that: in its log, for a status may never come. */
function fatesSaid(log: string, since: number): Map<number, Fate> {
  const said = log
    .split('\n')
    .filter((line) => line.includes('"before-epoch"'))
    .map((line): Record<string, string> => JSON.parse(line))
    .map((before) => [Number(before['before-epoch']), fateBefore({ before })] as const);
  // One that said it twice: the first that heard of it was killed before it began an epoch of its own.
  return new Map(said.filter(([epoch]) => epoch >= since).reverse());
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
const fateBefore = ({ before }: Pick<LossLedger, 'before'>): Fate => ({
  captured: Number(before!['before-captured']),
  dropped: Number(before!['before-dropped']),
  lost: Number(before!['before-lost']),
});

const fateOf = ({ agent, sockets }: LossLedger): Fate => ({
  captured: agent.captured,
  dropped: sockets.reduce((sum, { droppedByKernel }) => sum + droppedByKernel, 0),
  lost: 0,
});
