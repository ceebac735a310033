import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { hostsHere } from '../../e2e/requirements.js';
import { postgres, suiteRequires } from '../../environment/src/requirements.js';
import { expectRate } from '../rig/rate.js';
import { printRow } from '../rig/row.js';
import { longForm, SAMPLE_MS, SOAK_MINUTES, Soak } from '../rig/soak.js';
import { missingAndTwice, OneHost } from './one-host.js';

const PACKETS_PER_SECOND = 2_000;
const needs = { longForm, hosts: await hostsHere(), postgres: await postgres() };

// F15 of the failure suite, the agent's side.
suiteRequires('an agent that runs for long', needs, ({ postgres: server }) => {
  const rig = new OneHost();
  beforeAll(() => rig.start(server.connection));
  afterAll(() => rig.stop());

  it(`uses no more memory and descriptors at its end than in the middle of ${SOAK_MINUTES} minutes`, {
    timeout: (SOAK_MINUTES + 5) * 60_000,
  }, async () => {
    const soak = new Soak(() => [rig.openerPid, rig.agentPid]);
    rig.sender.start(PACKETS_PER_SECOND);
    const endAtMs = performance.now() + SOAK_MINUTES * 60_000;
    while (performance.now() < endAtMs) {
      await delay(SAMPLE_MS);
      soak.sample();
    }
    const sent = await rig.sender.stop();
    const found = missingAndTwice(sent, await rig.stored(sent));
    printRow(
      `${SOAK_MINUTES} min at ${rig.sender.rate} packets/s, ${sent} packets sent, ${found.missing} missing, ` +
        `${found.twice} twice; opener and agent ${soak.says}`,
    );
    expectRate(rig.sender.rate, PACKETS_PER_SECOND, true);
    expect(found).toEqual({ missing: 0, twice: 0 });
    soak.expectFlat();
  });
});
