import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { queryApi } from '@bpfleet/contract';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { hostsHere } from '../../e2e/requirements.js';
import { postgres, suiteRequires } from '../../environment/src/requirements.js';
import { expectRate } from '../rig/rate.js';
import { printRow } from '../rig/row.js';
import { newRandom, seeded } from '../rig/seed.js';
import { bothKilled } from './both-killed.js';
import { add, type Fate, fateBefore, killBar, noFate, ringHoldsMs, untilAddsUp } from './fate.js';
import { missingAndTwice, NUMBERS_APART, OneHost } from './one-host.js';
import { sampledOut } from './sampled-out.js';
import { sharedKilled } from './shared-killed.js';
import { takeOverKilled } from './take-over-killed.js';
import { versionChange } from './version-change.js';

/** 20 in the long form. */
const ROUNDS = Number(process.env.BPFLEET_TEST_ROUNDS ?? 2);
const MIB = 1024 * 1024;
const TIMEOUT_MS = 30_000 * (ROUNDS + 3);
const suite = seeded('an agent process that is killed, alone or with its opener');
const needs = { hosts: await hostsHere(), postgres: await postgres() };

const rings = [
  // It holds what comes while the agent starts again: on a machine that does much else at once, less.
  { that: 'hold what comes meanwhile', bytes: 64 * MIB, packetsPerSecond: ROUNDS < 20 ? 2_000 : 20_000 },
  { that: 'overflow meanwhile', bytes: MIB, packetsPerSecond: 20_000 },
] as const;
const [large] = rings;
const ringEnv = (bytes: number) => ({ BPFLEET_AGENT_RING_BYTES: String(bytes), BPFLEET_AGENT_INTERFACES: 'eth0' });
const LONGEST_LIFE_MS = 1_500;
/** What a process has mapped, in the order in which it takes over: the section that was left open, then the rings. */
const STEPS = [['/open-section'], ['/open-section', 'socket:[']] as const;
const TAKE_OVER_MS = 100;

// F2 and F14 of the failure suite.
suiteRequires(suite, needs, ({ postgres: server }) => {
  const rig = new OneHost();
  beforeAll(() => rig.start(server.connection, ringEnv(large.bytes)));
  afterAll(() => rig.stop());

  bothKilled(rig);

  let runs = 1;
  const nextNumbers = (): number => runs++ * NUMBERS_APART;

  it.each(rings.map((ring) => [ring.that, ring] as const))(
    `accounts for every packet, and stores none twice, in ${ROUNDS} kills with rings that %s`,
    {
      timeout: TIMEOUT_MS,
    },
    async (_, { bytes, packetsPerSecond }) => {
      let { epoch } = await rig.restartAgent(ringEnv(bytes));
      const from = nextNumbers();
      const sender = rig.senderTo(rig.hosts.host(1));
      sender.start(packetsPerSecond, from);
      await rig.untilStatus('packets', ({ ledger }) => ledger!.agent.captured > 0);
      const kills: Fate[] = [];
      const random = newRandom();
      let unreadMs = 0;
      for (let round = 0; round < ROUNDS; round++) {
        await delay(random.below(LONGEST_LIFE_MS));
        const killedMs = performance.now();
        process.kill(rig.agentPid, 'SIGKILL');
        const next = await rig.untilCaptures(epoch);
        unreadMs = Math.max(unreadMs, performance.now() - killedMs);
        expect(next.ledger.before).toMatchObject({ 'before-epoch': String(epoch) });
        kills.push(fateBefore(next.ledger));
        ({ epoch } = next);
      }
      const sent = await sender.stop();
      const { captured, dropped, lost } = await untilAddsUp(rig, kills.reduce(add, noFate()), sent);
      const { missing, twice } = missingAndTwice(sent, await rig.stored(captured - lost, from), from);
      const bar = killBar(packetsPerSecond);
      const each = (of: 'lost' | 'dropped'): string => kills.map((kill) => kill[of]).join(' ');
      printRow(
        `${ROUNDS} kills, ${sent} packets sent at ${sender.rate}/s, rings of ${bytes / MIB} MiB, ${missing} missing, ` +
          `${twice} twice; by the ledger ${captured} captured, ${dropped} dropped by the kernel (before each kill ` +
          `${each('dropped')}), ${lost} lost of open sections (by each kill ${each('lost')}; bar ${bar.says})`,
      );
      expectRate(sender.rate, packetsPerSecond);
      // What found no room in a ring is the ring's; of the rest one kill costs so much at the most.
      expect(Math.max(...kills.map((kill) => kill.lost))).toBeLessThanOrEqual(bar.most);
      expect(captured + dropped).toBe(sent);
      expect({ missing, twice }).toEqual({ missing: dropped + lost, twice: 0 });
      // What answers say is missing is what the agents' ledgers say.
      const query = { since: '-1h', limit: 1 };
      const { completeness } = await rig.fleet.query.call(queryApi.listPackets, { query });
      expect(completeness).toMatchObject({ droppedByKernel: dropped, lostByAgents: lost, packetsMissing: 0 });
      if (bytes === MIB) expect(dropped).toBeGreaterThan(0);
      else if (unreadMs < ringHoldsMs(bytes)) expect(dropped).toBe(0);
    },
  );

  it(`accounts for every packet, and doubles none, when the next process is killed while it takes over, ${ROUNDS} times`, {
    timeout: TIMEOUT_MS,
  }, async () => {
    const { epoch: first } = await rig.restartAgent(ringEnv(large.bytes));
    const from = nextNumbers();
    const sender = rig.senderTo(rig.hosts.host(1));
    sender.start(large.packetsPerSecond, from);
    await rig.untilStatus('packets', ({ ledger }) => ledger!.agent.captured > 0);
    const steps: string[] = [];
    const random = newRandom();
    let unreadMs = 0;
    for (let round = 0, epoch = first; round < ROUNDS; round++) {
      await delay(random.below(LONGEST_LIFE_MS));
      const killedMs = performance.now();
      const killed = rig.agentPid;
      process.kill(killed, 'SIGKILL');
      steps.push(await killTakingOver(killed, STEPS[round % STEPS.length]!, random.below(TAKE_OVER_MS)));
      ({ epoch } = await rig.untilCaptures(epoch));
      unreadMs = Math.max(unreadMs, performance.now() - killedMs);
    }
    const sent = await sender.stop();
    const fates = fatesSaid(rig.fleet.agents.get('h1')!.stdout, first);
    const { captured, dropped, lost } = await untilAddsUp(rig, [...fates.values()].reduce(add, noFate()), sent);
    const { missing, twice } = missingAndTwice(sent, await rig.stored(captured - lost, from), from);
    const most = Math.max(...[...fates.values()].map((fate) => fate.lost));
    const bar = killBar(large.packetsPerSecond);
    printRow(
      `${ROUNDS} processes killed while they took over: ${steps.join(', ')}; in ${fates.size} epochs that ended ` +
        `${sent} packets sent at ${sender.rate}/s, ${missing} missing, ${twice} twice; ${dropped} dropped by the kernel, ${lost} lost, ${most} at most in one epoch (bar ${bar.says}); ` +
        `at most ${Math.round(unreadMs)} ms until one captures again`,
    );
    expectRate(sender.rate, large.packetsPerSecond);
    expect(most).toBeLessThanOrEqual(bar.most);
    expect(fates.size).toBeGreaterThan(ROUNDS);
    expect(captured + dropped).toBe(sent);
    expect({ missing, twice }).toEqual({ missing: dropped + lost, twice: 0 });
    if (unreadMs < ringHoldsMs(large.bytes)) expect(dropped).toBe(0);
  });

  takeOverKilled(rig, nextNumbers);
  sharedKilled(rig, nextNumbers);
  versionChange(rig, ringEnv(large.bytes));
  sampledOut(rig);

  /** Kills the process after this one once it has come so far, or a moment later. */
  async function killTakingOver(before: number, mapped: readonly string[], laterMs: number): Promise<string> {
    // Before it runs its own program, it has what the opener has mapped; what the opener runs first, to try, has not.
    let next = rig.agentPid;
    for (; next === before || !mapped.every((name) => mapsOf(next).includes(name)); next = rig.agentPid) await delay(1);
    await delay(laterMs);
    process.kill(next, 'SIGKILL');
    return `${laterMs} ms behind ${mapped.at(-1)}`;
  }
});

function mapsOf(pid: number): string {
  const file = `/proc/${pid}/maps`;
  try {
    return readFileSync(file, 'utf8');
  } catch {
    // It has ended, or none has started yet.
    return '';
  }
}

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
