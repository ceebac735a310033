import { setTimeout as delay } from 'node:timers/promises';
import { controlApi } from '@bpfleet/contract';
import { beforeAll, describe, expect, it } from 'vitest';
import { numberedExpression, numberedFrames, numbersIn } from '../../e2e/numbered-traffic.js';
import { expectRate } from '../rig/rate.js';
import { printRow } from '../rig/row.js';
import { newRandom } from '../rig/seed.js';
import type { OneHost } from './one-host.js';

/** 40 versions in the long form, `BPFLEET_TEST_ROUNDS=20`. */
const VERSIONS = Math.max(4, 2 * Number(process.env.BPFLEET_TEST_ROUNDS ?? 2));
const PACKETS_PER_SECOND = VERSIONS < 40 ? 2_000 : 10_000;
const LONGEST_LIFE_MS = 500;
/** Ethernet 14, IPv4 20. */
const SOURCE_PORT_AT = 34;

/** What odd versions accept, even ones, both, or none, by the source port; numbers take turns. */
const CLASSES = ['neither', 'odd', 'even', 'both'] as const;
const portOf = (number: number): number => 41_000 + (number % CLASSES.length);

const accepts = (version: number, number: number): boolean => {
  const name = CLASSES[number % CLASSES.length];
  return name === 'both' || name === (version % 2 === 1 ? 'odd' : 'even');
};

const expressionOf = (version: number): string =>
  `${numberedExpression} and (src port ${portOf(version % 2 === 1 ? 1 : 2)} or src port ${portOf(3)})`;

function framesOf(from: number, count: number): Uint8Array[] {
  const frames = numberedFrames(from, count);
  for (const [index, frame] of frames.entries()) {
    new DataView(frame.buffer).setUint16(SOURCE_PORT_AT, portOf(from + index));
  }
  return frames;
}

/**
 * F14 of the failure suite, from the API to the store.
 * @param rig a fleet whose other filter nobody needs any more
 * @param agentEnv of its agent
 */
export function versionChange(rig: OneHost, agentEnv: Readonly<Record<string, string>>): void {
  describe('versions of a filter that follow each other under load', () => {
    beforeAll(async () => {
      await rig.restartAgent(agentEnv);
    });

    /** By number: the versions it is stored under, each as often as it is. */
    async function stored(): Promise<Map<number, number[]>> {
      const found = new Map<number, number[]>();
      for (let version = 1; version <= VERSIONS; version++) {
        for (const number of numbersIn(await rig.file(`f@${version}`))) {
          found.set(number, [...(found.get(number) ?? []), version]);
        }
      }
      return found;
    }

    async function allStored(sent: number): Promise<Map<number, number[]>> {
      // The last number that every version accepts: what came before it is stored by then, or never will be.
      const last = sent - 1 - (sent % CLASSES.length);
      let found = await stored();
      await rig.fleet.until('the last packets to be stored', async () => {
        found = await stored();
        return found.has(last);
      });
      return found;
    }

    it(`stores each packet once, under the version that selected it, in ${VERSIONS} versions, kills in between`, {
      timeout: 20_000 * VERSIONS,
    }, async () => {
      const { fleet, hosts } = rig;
      await rig.push('f', expressionOf(1));
      // It lets every packet through: any cut would do.
      await fleet.control.call(controlApi.deleteFilter, { path: { name: 'numbered' } });
      await fleet.untilAgents(([agent]) => agent!.status!.filters.every(({ filter }) => filter === 'f'));
      const sender = rig.senderTo(hosts.host(1), framesOf);
      sender.start(PACKETS_PER_SECOND);
      const random = newRandom();
      for (let version = 2; version <= VERSIONS; version++) {
        await delay(random.below(LONGEST_LIFE_MS));
        const pushed = rig.push('f', expressionOf(version));
        if (version % 3 === 0) {
          await delay(random.below(LONGEST_LIFE_MS));
          process.kill(rig.agentPid, 'SIGKILL');
        }
        expect(await pushed).toBe(`f@${version}`);
      }
      const newest = async () => numbersIn(await rig.file(`f@${VERSIONS}`));
      await fleet.until('packets of the last version', async () => (await newest()).length > 0);
      const sent = await sender.stop();
      const { swaps, wrong } = audit(sent, await allStored(sent));
      printRow(`${sent} packets sent at ${sender.rate}/s, ${swaps} changes of version, ${wrong.length} packets wrong`);
      expectRate(sender.rate, PACKETS_PER_SECOND);
      expect(wrong.slice(0, 10)).toEqual([]);
      expect(swaps).toBe(VERSIONS - 1);
    });
  });
}

/**
 * Version 1 is in force, then 2, and so on, each for some packets: a packet is stored under the one in force when that
 * accepts it, once, and not at all otherwise.
 */
function audit(sent: number, stored: ReadonlyMap<number, readonly number[]>): { swaps: number; wrong: string[] } {
  const wrong: string[] = [];
  let inForce = 1;
  for (let number = 0; number < sent; number++) {
    const found = String(stored.get(number) ?? []);
    const expected = (version: number): string => (accepts(version, number) ? String(version) : '');
    if (found === expected(inForce)) continue;
    // Every class but `neither` tells two versions apart: the cut is before the first that only the next one explains.
    if (found === expected(inForce + 1)) inForce++;
    else wrong.push(`${number} (${CLASSES[number % 4]}) is stored under [${found}] while ${inForce} is in force`);
  }
  return { swaps: inForce - 1, wrong };
}
