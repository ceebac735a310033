import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { LossLedger } from '@bpfleet/contract';
import { addCables, cableNames, removeCables } from '@bpfleet/test-environment';
import { beforeAll, describe, expect, it } from 'vitest';
import { NUMBERED_PORT, numberedExpression } from '../../e2e/numbered-traffic.js';
import { expectRate } from '../rig/rate.js';
import { printRow } from '../rig/row.js';
import { newRandom } from '../rig/seed.js';
import { add, fateBefore, fateOf, noFate, untilAddsUp } from './fate.js';
import { missingAndTwice, type OneHost } from './one-host.js';

/** 20 in the long form. */
const ROUNDS = Number(process.env.BPFLEET_TEST_ROUNDS ?? 1);
const PACKETS_PER_SECOND = 8_000;
/** From the moment when both sockets let pass to the one when the ring before was read to its end. */
const TAKE_OVER_MS = 800;
const MIB = 1024 * 1024;
const MORE_THAN_BOUND = 18;
const timeout = 60_000 * (ROUNDS + 1);

/** So many ports are a set in a map: the filter has a socket of its own. */
const withOwnSocket = (last: number): string =>
  `udp and dst port in {${[NUMBERED_PORT, ...Array.from({ length: 5000 }, (_, index) => last - 2 * index)].join(', ')}}`;

/**
 * F2 of the failure suite, while one packet socket takes over from another.
 * @param nextNumbers where the numbers of one more test begin
 */
export function takeOverKilled(rig: OneHost, nextNumbers: () => number): void {
  describe('an agent process that is killed while a socket takes over', () => {
    beforeAll(() => rig.restartAgent({ BPFLEET_AGENT_INTERFACES: 'e*', BPFLEET_AGENT_RING_BYTES: String(128 * MIB) }));

    /** The packet sockets of the host, by their inodes. */
    const packetSockets = (): Set<string> => {
      const [, ...lines] = readFileSync(`/proc/${rig.openerPid}/net/packet`, 'utf8').trim().split('\n');
      return new Set(lines.map((line) => line.trim().split(/\s+/).at(-1)!));
    };

    let random = newRandom();
    /** By what each process that ended left behind, without what the first had before. */
    let before = noFate();

    /** Kills the agent process at some moment after a packet socket has come. @returns how long after */
    async function killOnceTakingOver(change: () => unknown): Promise<number> {
      const sockets = packetSockets();
      const { epoch } = (await rig.status())!;
      const changed = Promise.resolve(change());
      while ([...packetSockets()].every((inode) => sockets.has(inode))) await delay(1);
      const laterMs = random.below(TAKE_OVER_MS);
      await delay(laterMs);
      process.kill(rig.agentPid, 'SIGKILL');
      await changed;
      const { ledger } = await rig.untilRuns(epoch);
      expect(ledger!.before).toMatchObject({ 'before-epoch': String(epoch) });
      add(before, fateBefore(ledger!));
      return laterMs;
    }

    async function storesAllOnce(rounds: () => Promise<number[]>): Promise<void> {
      random = newRandom();
      const from = nextNumbers();
      const had = fateOf((await rig.status())!.ledger!);
      before = { captured: -had.captured, dropped: -had.dropped, lost: 0 };
      const sender = rig.senderTo(rig.hosts.host(1));
      sender.start(PACKETS_PER_SECOND, from);
      const afterMs = await rounds();
      const sent = await sender.stop();
      // What both sockets dropped while one took over counts on both, so that a ledger may add up before all rings are read.
      await untilAddsUp(rig, before, sent);
      await rig.untilStatus('all rings to be read', ({ ledger }) => notRead(ledger!).length === 0);
      const { captured, dropped, lost } = await untilAddsUp(rig, before, sent);
      const stored = await rig.stored(captured - lost, from);
      const { missing, twice } = missingAndTwice(sent, stored, from);
      printRow(
        `killed ${afterMs.map(Math.round).join(', ')} ms after a socket came: ${sent} packets at ${sender.rate}/s, ` +
          `${missing} missing, ${twice} twice; by the ledgers ${captured} captured, ${dropped} dropped by the kernel ` +
          `(${before.dropped} before a kill), ${lost} lost of open sections`,
      );
      expectRate(sender.rate, PACKETS_PER_SECOND);
      // Those that two sockets let pass were counted by one; what was not read found no room.
      expect(captured).toBeLessThanOrEqual(sent);
      expect(captured + dropped).toBeGreaterThanOrEqual(sent);
      expect({ missing, twice }).toEqual({ missing: sent - captured + lost, twice: 0 });
      if (ROUNDS < 20) expect({ dropped, lost }).toEqual({ dropped: 0, lost: 0 });
      expect(notRead((await rig.status())!.ledger!)).toEqual([]);
    }

    it(`stores every packet once in ${ROUNDS} versions of a filter with a socket of its own`, { timeout }, async () => {
      await rig.push('numbered', withOwnSocket(60_000));
      await storesAllOnce(async () => {
        const afterMs: number[] = [];
        for (let round = 1; round <= ROUNDS; round++) {
          afterMs.push(await killOnceTakingOver(() => rig.push('numbered', withOwnSocket(60_000 - round))));
        }
        return afterMs;
      });
    });

    it(`stores every packet once while interfaces come to share a socket and go, ${ROUNDS} times`, {
      timeout,
    }, async () => {
      await rig.push('numbered', numberedExpression);
      const [one, ...others] = cableNames(MORE_THAN_BOUND);
      const host = rig.hosts.host(1);
      await storesAllOnce(async () => {
        const afterMs: number[] = [];
        for (let round = 0; round < ROUNDS; round++) {
          afterMs.push(await killOnceTakingOver(() => addCables(rig.hosts, host, [one!])));
          afterMs.push(await killOnceTakingOver(() => addCables(rig.hosts, host, others)));
          afterMs.push(await killOnceTakingOver(() => removeCables(host, [one!, ...others])));
        }
        return afterMs;
      });
    });
  });
}

/** What passed a socket and is still in its ring, of those sockets that have something there. */
const notRead = ({ sockets }: LossLedger): number[] =>
  sockets
    .map(({ passed, droppedByKernel, captured }) => passed - droppedByKernel - captured)
    .filter((left) => left !== 0);
