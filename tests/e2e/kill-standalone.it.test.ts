import { setTimeout as delay } from 'node:timers/promises';
import { controlApi } from '@bpfleet/contract';
import { freePorts } from '@bpfleet/test-environment';
import { expect, it } from 'vitest';
import { newRandom, seeded } from '../chaos/rig/seed.js';
import { suiteRequires } from '../environment/src/requirements.js';
import { numberedExpression } from './numbered-traffic.js';
import { hostsHere } from './requirements.js';
import { startStandalone, withFolder } from './standalone-process.js';
import { SteadySender } from './steady-sender.js';
import { expectStoredOnce, newestEpoch, untilSettled } from './stored-once.js';

/** 20 in the long form: `BPFLEET_TEST_ROUNDS=20 npm test -- kill`. */
const ROUNDS = Number(process.env.BPFLEET_TEST_ROUNDS ?? 2);
const PACKETS_PER_SECOND = 5_000;
const LONGEST_LIFE_MS = 1_500;
const ROUND_TIMEOUT_MS = 30_000;
const FILTER = 'numbered';

suiteRequires(seeded('kill -9 of the standalone process under 5,000 packets/s'), { root: await hostsHere() }, () => {
  const timeout = (ROUNDS + 2) * ROUND_TIMEOUT_MS;
  it(`starts again each of ${ROUNDS} times and stores no packet twice`, { timeout }, () =>
    withFolder(async (dataDir) => {
      const [port] = await freePorts(1);
      const start = () => startStandalone({ dataDir, port: port!, args: ['--no-demo'] });
      const sender = new SteadySender('lo');
      let standalone = start();
      await standalone.until('the start', () => standalone.stdout.includes('Push:'));
      const body = { name: FILTER, expression: numberedExpression, interfaces: ['lo'] };
      await standalone.client.call(controlApi.createFilter, { body });
      await standalone.client.call(controlApi.createAssignment, { body: { filter: FILTER } });
      sender.start(PACKETS_PER_SECOND);
      let epoch = 0;
      const random = newRandom();
      for (let round = 0; round < ROUNDS; round++) {
        const before = epoch;
        await standalone.until('packets of this run', async () => {
          epoch = await newestEpoch(standalone.client, FILTER).catch(() => 0);
          return epoch > before;
        });
        await delay(random.below(LONGEST_LIFE_MS));
        await standalone.end('SIGKILL');
        standalone = start();
      }
      await standalone.until('the last start', () => standalone.stdout.includes('Push:'));
      await sender.stop();
      await untilSettled(standalone.client, FILTER);
      const stored = await expectStoredOnce(standalone.client, FILTER);
      expect(stored).toBeGreaterThan(ROUNDS * 100);
      expect(await standalone.end()).toBe(0);
    }),
  );
});
