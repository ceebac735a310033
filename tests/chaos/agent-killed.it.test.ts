import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { hostsHere } from '../e2e/requirements.js';
import { newestEpoch } from '../e2e/stored-once.js';
import { postgres, suiteRequires } from '../environment/src/requirements.js';
import { missingAndTwice, OneHost } from './one-host.js';

/** 20 in the long form. */
const ROUNDS = Number(process.env.BPFLEET_TEST_ROUNDS ?? 3);
/** A ring holds what comes while the agent starts again: on a machine that does much else at once, less. */
const PACKETS_PER_SECOND = ROUNDS < 20 ? 2_000 : 20_000;
const LONGEST_LIFE_MS = 1_500;

// F2 of the failure suite.
suiteRequires(
  'an agent process that is killed while its opener lives on',
  { hosts: await hostsHere(), postgres: await postgres() },
  ({ postgres: server }) => {
    const rig = new OneHost();
    beforeAll(() => rig.start(server.connection));
    afterAll(() => rig.stop());

    it(`loses no packet and stores none twice in ${ROUNDS} kills at ${PACKETS_PER_SECOND} packets/s`, {
      timeout: 30_000 * (ROUNDS + 3),
    }, async () => {
      rig.sender.start(PACKETS_PER_SECOND);
      let epoch = 0;
      for (let round = 0; round <= ROUNDS; round++) {
        const before = epoch;
        await rig.fleet.until('packets of this run', async () => {
          epoch = await newestEpoch(rig.fleet.query, 'numbered');
          return epoch > before;
        });
        if (round === ROUNDS) break;
        await delay(Math.random() * LONGEST_LIFE_MS);
        process.kill(rig.agentPid, 'SIGKILL');
      }
      const sent = await rig.sender.stop();
      const found = missingAndTwice(sent, await rig.stored(sent));
      console.info(`${ROUNDS} kills, ${sent} packets sent, ${found.missing} missing, ${found.twice} twice`);
      expect(found).toEqual({ missing: 0, twice: 0 });
    });
  },
);
