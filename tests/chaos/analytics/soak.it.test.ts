import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { queryApi } from '@bpfleet/contract';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { commands } from '../../e2e/requirements.js';
import { kafka, postgres, type Requirement, suiteRequires } from '../../environment/src/requirements.js';
import { AnalyticsRig, type Replica } from './analytics-rig.js';
import { expectStoredOnce, IS_LONG } from './stored-once.js';

const MINUTES = Number(process.env.BPFLEET_TEST_SOAK_MINUTES ?? 10);
const PACKETS_PER_SECOND = 5_000;
const SAMPLE_MS = 2_000;
const MIB = 1024 * 1024;
/** What is not flat in an hour would show as more than this in the second half of ten minutes. */
const GROWTH_MIB = 16;
const GROWTH_DESCRIPTORS = 2;

const long: Requirement = IS_LONG ? {} : { unavailable: 'only in the long form: npm run test:chaos' };
const needs = { long, kafka: await kafka(), postgres: await postgres(), tools: commands('setpriv') };

interface Sample {
  readonly memoryMib: number;
  readonly descriptors: number;
}

// F15 of the failure suite.
suiteRequires('analytics that runs for long', needs, ({ kafka: { brokers }, postgres: { connection } }) => {
  let rig: AnalyticsRig;
  let replica: Replica;
  beforeAll(async () => {
    rig = await new AnalyticsRig({ brokers, postgres: connection }).start();
    replica = await rig.startReplica();
  });
  afterAll(() => rig?.stop());

  function sample(): Sample {
    const { pid } = replica.process.process;
    const [, kib] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))!;
    return { memoryMib: (Number(kib) * 1024) / MIB, descriptors: readdirSync(`/proc/${pid}/fd`).length };
  }
  const inMiddle = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;

  it(`uses no more memory and descriptors at its end than in the middle of ${MINUTES} minutes`, {
    timeout: (MINUTES + 5) * 60_000,
  }, async () => {
    const endSending = rig.sendSteadily(PACKETS_PER_SECOND);
    const samples: Sample[] = [];
    const endAtMs = performance.now() + MINUTES * 60_000;
    while (performance.now() < endAtMs) {
      await delay(SAMPLE_MS);
      // People ask meanwhile.
      await replica.client.call(queryApi.listPackets, { query: { since: '-1m', limit: 100 } });
      samples.push(sample());
    }
    await endSending();
    const quarter = samples.length >> 2;
    const quarters = [0, 1, 2, 3].map((one) => samples.slice(one * quarter, (one + 1) * quarter));
    const memory = quarters.map((one) => inMiddle(one.map(({ memoryMib }) => memoryMib)));
    const descriptors = quarters.map((one) => Math.max(...one.map((at) => at.descriptors)));
    const slope = slopeOf(samples.slice(2 * quarter).map(({ memoryMib }) => memoryMib)) * (60_000 / SAMPLE_MS);
    await expectStoredOnce(
      rig,
      `${MINUTES} min at ${PACKETS_PER_SECOND} packets/s: ${memory.map((mib) => mib.toFixed(0)).join(', ')} MiB by ` +
        `quarters, ${slope.toFixed(2)} MiB/min in the second half; descriptors ${descriptors.join(', ')}`,
    );
    expect(memory[3]! - memory[1]!).toBeLessThan(GROWTH_MIB);
    expect(descriptors[3]! - descriptors[1]!).toBeLessThanOrEqual(GROWTH_DESCRIPTORS);
  });
});

/** Of the straight line that is nearest to the values (least squares), per step. */
function slopeOf(values: readonly number[]): number {
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const [rise, run] = values.reduce(
    ([up, along], value, index) => [up + (index - middle) * (value - mean), along + (index - middle) ** 2],
    [0, 0] as [number, number],
  );
  return run === 0 ? 0 : rise / run;
}
