import { setTimeout as delay } from 'node:timers/promises';
import { queryApi } from '@bpfleet/contract';
import { afterAll, beforeAll, it } from 'vitest';
import { commands } from '../../e2e/requirements.js';
import { kafka, postgres, suiteRequires } from '../../environment/src/requirements.js';
import { longForm, SAMPLE_MS, SOAK_MINUTES, Soak } from '../rig/soak.js';
import { AnalyticsRig, type Replica } from './analytics-rig.js';
import { expectStoredOnce } from './stored-once.js';

const PACKETS_PER_SECOND = 5_000;
const needs = { longForm, kafka: await kafka(), postgres: await postgres(), tools: commands('setpriv') };

// F15 of the failure suite.
suiteRequires('analytics that runs for long', needs, ({ kafka: { brokers }, postgres: { connection } }) => {
  let rig: AnalyticsRig;
  let replica: Replica;
  beforeAll(async () => {
    rig = await new AnalyticsRig({ brokers, postgres: connection }).start();
    replica = await rig.startReplica();
  });
  afterAll(() => rig?.stop());

  it(`uses no more memory and descriptors at its end than in the middle of ${SOAK_MINUTES} minutes`, {
    timeout: (SOAK_MINUTES + 5) * 60_000,
  }, async () => {
    const soak = new Soak(() => [replica.process.process.pid!]);
    const endSending = rig.sendSteadily(PACKETS_PER_SECOND);
    const endAtMs = performance.now() + SOAK_MINUTES * 60_000;
    while (performance.now() < endAtMs) {
      await delay(SAMPLE_MS);
      // People ask meanwhile.
      await replica.client.call(queryApi.listPackets, { query: { since: '-1m', limit: 100 } });
      soak.sample();
    }
    await endSending();
    await expectStoredOnce(rig, `${SOAK_MINUTES} min at ${PACKETS_PER_SECOND} packets/s: ${soak.says}`);
    soak.expectFlat();
  });
});
