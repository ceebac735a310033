import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { LossLedger } from '@bpfleet/contract';
import { addCables, cableNames, removeCables } from '@bpfleet/test-environment';
import { beforeAll, describe, expect, it } from 'vitest';
import { NUMBERED_PORT, numberedExpression } from '../../e2e/numbered-traffic.js';
import { missingAndTwice, type OneHost } from './one-host.js';

/** 20 in the long form. */
const ROUNDS = Number(process.env.BPFLEET_TEST_ROUNDS ?? 2);
const PACKETS_PER_SECOND = 8_000;
/** From the moment when both sockets let pass to the one when the ring before was read to its end. */
const TAKE_OVER_MS = 300;
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

    /** Read, by what each process that ended left behind. */
    let captured = 0;

    /** Kills the agent process at some moment after a packet socket has come. @returns how long after */
    async function killOnceTakingOver(change: () => unknown): Promise<number> {
      const before = packetSockets();
      const { epoch } = (await rig.status())!;
      const changed = Promise.resolve(change());
      while ([...packetSockets()].every((inode) => before.has(inode))) await delay(1);
      const laterMs = Math.random() * TAKE_OVER_MS;
      await delay(laterMs);
      process.kill(rig.agentPid, 'SIGKILL');
      await changed;
      const { ledger } = await rig.untilRuns(epoch);
      expect(ledger!.before).toMatchObject({ 'before-epoch': String(epoch) });
      captured += Number(ledger!.before!['before-captured']);
      return laterMs;
    }

    async function storesAllOnce(rounds: () => Promise<number[]>): Promise<void> {
      const from = nextNumbers();
      captured = -(await rig.status())!.ledger!.agent.captured;
      const sender = rig.senderTo(rig.hosts.host(1));
      sender.start(PACKETS_PER_SECOND, from);
      const afterMs = await rounds();
      const sent = await sender.stop();
      const found = missingAndTwice(sent, await rig.stored(sent, from), from);
      console.info(
        `killed ${afterMs.map(Math.round).join(', ')} ms after a socket came: ${sent} packets, ${JSON.stringify(found)}`,
      );
      expect(found).toEqual({ missing: 0, twice: 0 });
      const { ledger } = await rig.untilStatus(
        'the ledgers to add up to what was sent',
        (status) => captured + status.ledger!.agent.captured >= sent,
      );
      // Those that two sockets let pass were counted by one, and all rings are read.
      expect(captured + ledger!.agent.captured).toBe(sent);
      const inRings = ({ passed, droppedByKernel, captured: read }: LossLedger['sockets'][number]) =>
        passed - droppedByKernel - read;
      expect(ledger!.sockets.map(inRings).filter((packets) => packets !== 0)).toEqual([]);
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
