import { afterEach, beforeEach, expect, it } from 'vitest';
import { commands } from '../../e2e/requirements.js';
import { kafka, postgres, suiteRequires } from '../../environment/src/requirements.js';
import { mutant } from '../rig/mutant.js';
import { printRow } from '../rig/row.js';
import { seeded } from '../rig/seed.js';
import { type OffsetRange, ShortLog } from './short-log.js';

/** 20 in the long form. */
const ROUNDS = Number(process.env.BPFLEET_TEST_ROUNDS ?? 1);
const TIMEOUT_MS = 30_000 * (ROUNDS + 3);
const needs = { kafka: await kafka(), postgres: await postgres(), tools: commands('setpriv') };

const withoutGapCheck = mutant(
  { file: 'apps/analytics/dist/ingest/gap.js', from: 'if (logFirst > gap.from)', to: 'if (false)' },
  {
    file: 'apps/analytics/dist/ingest/partition-ingest.js',
    from: "await this.#lose({ from: this.#next, to: first }, 'retention', 'the log gave them up before they were read', first);",
    to: 'this.#next = first;',
  },
);

// F16 of the failure suite.
suiteRequires(seeded('retention of Kafka that overtakes analytics'), needs, ({ kafka, postgres: { connection } }) => {
  let log: ShortLog;
  beforeEach(async () => {
    log = await new ShortLog({ brokers: kafka.brokers, postgres: connection, partitions: 2 }).start();
  });
  afterEach(() => log?.stop());

  /** It ends, and the next one begins. */
  async function whileNoneRuns(rounds: number, env: Readonly<Record<string, string>> = {}): Promise<void> {
    let replica = await log.rig.startReplica(env);
    for (let round = 0; round < rounds; round++) {
      await log.overtake(async (work) => {
        await replica.process.end(round % 2 === 0 ? 'SIGTERM' : 'SIGKILL');
        await work();
        replica = await log.rig.startReplica(env);
      });
    }
  }
  const inOrder = (ranges: readonly OffsetRange[]) =>
    ranges.toSorted((a, b) => a.partition - b.partition || Number(a.from) - Number(b.from));
  const says = (losses: readonly OffsetRange[]) =>
    losses.map(({ partition, from, to }) => `${partition}:[${from},${to})`).join(' ');

  it('leaves a row with the exact range when none runs, and goes on behind it', { timeout: TIMEOUT_MS }, async () => {
    await whileNoneRuns(ROUNDS);
    const losses = await log.losses();
    printRow(`given up ${ROUNDS} times while none ran: ${says(losses)}`);
    expect(losses.length).toBeGreaterThan(0);
    expect(losses).toEqual(inOrder(log.givenUp));
    expect(await log.notAccounted()).toEqual([]);
    expect(await log.kept()).toEqual({ lost: 0, duplicate: 0, unaccounted: 0 });
  });

  it('leaves a row with the exact range under one that runs and is slow', { timeout: TIMEOUT_MS }, async () => {
    const { process } = await log.rig.startReplica();
    for (let round = 0; round < ROUNDS; round++) await log.overtake((work) => log.holdingUp(work));
    const losses = await log.losses();
    printRow(`given up ${ROUNDS} times under a reader: ${says(log.givenUp)}, lost ${says(losses)}`);
    // What it had already is stored: each offset is, or is in a row.
    expect(losses.length).toBeGreaterThan(0);
    expect(await log.notAccounted()).toEqual([]);
    const { lost, duplicate } = await log.kept();
    expect({ lost, duplicate }).toEqual({ lost: 0, duplicate: 0 });
    expect(process.hasExited).toBe(false);
  });

  it('would go unnoticed without the check for gaps', { timeout: TIMEOUT_MS }, async () => {
    await whileNoneRuns(1, withoutGapCheck);
    expect(await log.losses()).toEqual([]);
    const offsets = log.givenUp.reduce((sum, { from, to }) => sum + Number(to) - Number(from), 0);
    expect(await log.notAccounted()).toHaveLength(offsets);
  });
});
