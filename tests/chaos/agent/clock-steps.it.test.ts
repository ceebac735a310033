import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { hostsHere } from '../../e2e/requirements.js';
import { postgres, suiteRequires } from '../../environment/src/requirements.js';
import { FakeClock, fakeTime } from '../rig/fake-clock.js';
import { expectRate } from '../rig/rate.js';
import { printRow } from '../rig/row.js';
import { newRandom, seeded } from '../rig/seed.js';
import { missingAndTwice, OneHost, outOfOrder } from './one-host.js';
import { whereabouts } from './whereabouts.js';

/** Each step so often in the long form, `BPFLEET_TEST_ROUNDS=20`. */
const ROUNDS = Math.ceil(Number(process.env.BPFLEET_TEST_ROUNDS ?? 1) / 4);
const PACKETS_PER_SECOND = ROUNDS < 5 ? 2_000 : 10_000;
const LONGEST_LIFE_MS = 1_000;
const DAY_S = 86_400;

// F12 of the failure suite, the agent's side.
suiteRequires(
  seeded('a host whose clock steps'),
  { hosts: await hostsHere(), postgres: await postgres(), faketime: fakeTime() },
  ({ postgres: server, faketime }) => {
    const rig = new OneHost();
    const clock = new FakeClock(faketime.path, '@1970-01-01 00:01:00');
    beforeAll(() => rig.start(server.connection, clock.env));
    afterAll(async () => {
      await rig.stop();
      clock.remove();
    });

    const sentPackets = async (): Promise<number> => (await rig.status())?.ledger?.agent.sentPackets ?? 0;

    /** New packets reach Kafka, and the filter-manager hears of it. */
    async function goesOn(): Promise<void> {
      const before = await sentPackets();
      await rig.fleet.until('packets to be acknowledged', async () => (await sentPackets()) > before);
    }

    async function killAgent(): Promise<void> {
      const before = (await rig.status())!.epoch;
      process.kill(rig.agentPid, 'SIGKILL');
      const epoch = async () => (await rig.status())!.epoch;
      await rig.fleet.until('the next epoch', async () => (await epoch()) !== before);
      expect(await epoch()).toBeGreaterThan(before);
      expect((await rig.status())!.ledger!.withoutSocket).toBeUndefined();
    }

    it('is heard from 1970, survives each step, and stores every packet with the time and the order of its capture', {
      timeout: 120_000 * ROUNDS,
    }, async () => {
      // By then it was enrolled and given its filter.
      expect((await rig.status())!.epoch).toBeLessThan(DAY_S);
      expect(readFileSync(`/proc/${rig.agentPid}/maps`, 'utf8')).toContain(faketime.path);
      const startedAtMs = Date.now();
      rig.sender.start(PACKETS_PER_SECOND);
      await goesOn();
      const random = newRandom();
      for (let round = 0; round < ROUNDS; round++) {
        for (const step of ['+0', '+3600', '-3600', '+0']) {
          await delay(random.below(LONGEST_LIFE_MS));
          clock.set(step);
          await goesOn();
          await killAgent();
          await goesOn();
        }
      }
      const sent = await rig.sender.stop();
      const endedAtMs = Date.now() + 1;

      const stored = await rig.stored(sent);
      const found = missingAndTwice(sent, stored);
      printRow(
        `${4 * ROUNDS} steps and kills, ${sent} packets sent at ${rig.sender.rate}/s, ${found.missing} missing, ${found.twice} twice`,
      );
      expectRate(rig.sender.rate, PACKETS_PER_SECOND);
      const said = found.missing === 0 ? '' : await whereabouts(rig, sent, stored);
      expect(found, said).toEqual({ missing: 0, twice: 0 });
      const packets = await rig.storedPlaces();
      expect(packets).toHaveLength(sent);
      expect(packets.filter(({ atMs }) => atMs < startedAtMs || atMs > endedAtMs)).toEqual([]);
      expect(outOfOrder(packets)).toEqual([]);
      expect(new Set(packets.map(({ epoch }) => epoch)).size).toBeGreaterThan(4 * ROUNDS);
    });
  },
);
