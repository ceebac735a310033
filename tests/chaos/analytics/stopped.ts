import { expect, it } from 'vitest';
import { mutant } from '../rig/mutant.js';
import { AnalyticsRig, type AnalyticsRigOptions, type Replica, until } from './analytics-rig.js';
import { PostgresGate, type TransactionPoint } from './postgres-gate.js';
import { expectStoredOnce, IS_LONG, inMiddleAndAtMost, ROUNDS } from './stored-once.js';

const POINTS: readonly TransactionPoint[] = ['before it begins', 'within COPY', 'before COMMIT'];
/**
 * What Postgres may say of the transaction there; nothing, where there is none. One that is idle it ends itself after five seconds,
 * which are short on a busy machine.
 */
const STATES: Readonly<Record<TransactionPoint, readonly string[]>> = {
  'before it begins': [''],
  'within COPY': ['active'],
  'before COMMIT': ['idle in transaction', ''],
};
/** The partition whose owner is stopped. */
const PARTITION = 0;
const GOES_ON_MS = 10_000;
/** Both join the group while other suites start services: at a load of 12 on two processors a minute was once not enough. */
const SHARED_WITHIN_MS = 120_000;
const FAILURES = 'bpfleet_ingest_failures_total';

/** What the position's last owner rests on. The parameter stays, so that the statement has as many. */
const withoutFence = {
  file: 'libs/store/dist/ingest/ingest-store.js',
  from: 'AND fence = $4',
  to: 'AND $4::bigint IS NOT NULL',
};

/** F9 of the failure suite. */
export function analyticsStopped(servers: AnalyticsRigOptions): void {
  const title = `commits nothing when it goes on after ${ROUNDS} stops that outlast its session`;
  it(title, { timeout: 30_000 * (ROUNDS + 7) }, async ({ onTestFinished }) => {
    const both = await TwoOwners.start(servers, {});
    onTestFinished(() => both.stop());
    const goesOnMs: number[] = [];
    for (let stop = 0; stop < ROUNDS; stop++) {
      const firstCommit = await both.stopOwner(POINTS[stop % POINTS.length]!);
      goesOnMs.push(await firstCommit());
    }
    await expectStoredOnce(
      both.rig,
      `${ROUNDS} SIGSTOPs within a commit, to the next owner's first commit ${inMiddleAndAtMost(goesOnMs)} (bar ${GOES_ON_MS})`,
    );
    if (IS_LONG) expect(Math.max(...goesOnMs)).toBeLessThanOrEqual(GOES_ON_MS);
  });

  // It shows that the test above can fail.
  it('would commit then, if there were no fence', { timeout: 240_000 }, async ({ onTestFinished }) => {
    const both = await TwoOwners.start(servers, mutant(withoutFence));
    onTestFinished(() => both.stop());
    await both.stopOwner('before it begins');
    expect(await both.rig.commits.ofZombies()).not.toEqual([]);
  });
}

interface Owner {
  readonly replica: Replica;
  readonly gate: PostgresGate;
}

/** Two replicas with a partition each. */
class TwoOwners {
  readonly #owners: Owner[] = [];

  private constructor(readonly rig: AnalyticsRig) {}

  static async start(servers: AnalyticsRigOptions, env: Readonly<Record<string, string>>): Promise<TwoOwners> {
    const both = new TwoOwners(await new AnalyticsRig({ ...servers, partitions: 2 }).start());
    const start = async (): Promise<Owner> => {
      const gate = await PostgresGate.start(both.rig.database.connection);
      return { gate, replica: await both.rig.startReplica({ ...env, BPFLEET_POSTGRES_URL: gate.url }) };
    };
    both.#owners.push(...(await Promise.all([start(), start()])));
    await both.rig.send(both.rig.traffic.names.length, 5);
    return both;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#owners.map(({ gate }) => gate.stop()));
    await this.rig.stop();
  }

  /**
   * Stops the partition's owner at a point of a commit, until the other one has the partition; then lets it go on and
   * waits until its commit has failed, or has not. @returns waits for the other one's first commit and tells after how
   * many ms it came, without those for which it was held here
   */
  async stopOwner(point: TransactionPoint): Promise<() => Promise<number>> {
    const { rig } = this;
    const [zombie, other] = await this.#whenShared();
    await rig.found();
    const failuresBefore = await rig.metric(zombie.replica, FAILURES);
    zombie.gate.closeAt(point, PARTITION);
    await this.#sendToPartition();
    await until(`${zombie.replica.name} to come to the point ${point}`, () => zombie.gate.isClosed);
    const { process } = zombie.replica.process;
    process.kill('SIGSTOP');
    const stoppedAtMs = Date.now();
    // Postgres may still read what came before the point.
    await until(
      `a transaction ${point}`,
      async () => STATES[point].includes((await this.#transactions()).join()),
      5000,
    );
    const firstCommit = async () => {
      const first = () => rig.commits.firstOf(other.replica.name, PARTITION, stoppedAtMs);
      await until("the next owner's first commit", async () => (await first()) !== undefined);
      return (await first())!.atMs - stoppedAtMs;
    };
    let heldAtMs: number | undefined;
    if (point === 'before it begins') {
      // Held where it would move the position: only the fence can stop the zombie then.
      other.gate.closeAt(point, PARTITION);
      await until(`${other.replica.name} to go on`, () => other.gate.isClosed);
      heldAtMs = Date.now();
    } else {
      await firstCommit();
    }
    zombie.gate.open();
    process.kill('SIGCONT');
    await until('the commit of the one that was stopped to end', async () => {
      const failures = await rig.metric(zombie.replica, FAILURES);
      return failures > failuresBefore || (await rig.commits.ofZombies()).length > 0;
    });
    const heldMs = heldAtMs === undefined ? 0 : Date.now() - heldAtMs;
    other.gate.open();
    return async () => (await firstCommit()) - heldMs;
  }

  /** When each has one partition: the owner of `PARTITION`, and the other one. */
  async #whenShared(): Promise<readonly [Owner, Owner]> {
    let owners: ReadonlyMap<number, string> = new Map();
    const isShared = async () => {
      owners = await this.rig.commits.owners();
      return new Set(owners.values()).size === 2;
    };
    await until('a partition for each', isShared, SHARED_WITHIN_MS);
    const isOwner = ({ replica }: Owner) => replica.name === owners.get(PARTITION);
    return [this.#owners.find(isOwner)!, this.#owners.find((owner) => !isOwner(owner))!];
  }

  async #sendToPartition(): Promise<void> {
    const { rig } = this;
    const { rows } = await rig.pool.query<{ agent: string }>(
      'SELECT DISTINCT agent FROM analytics.section WHERE partition = $1',
      [PARTITION],
    );
    await rig.publish(rows.map(({ agent }) => rig.traffic.section(rig.traffic.names.indexOf(agent), 20)));
  }

  /** What Postgres says of transactions that write the partition. */
  async #transactions(): Promise<string[]> {
    const { rows } = await this.rig.pool.query<{ state: string }>(
      `SELECT state FROM pg_stat_activity WHERE datname = current_database()
       AND application_name LIKE 'bpfleet-ingest-%' AND application_name LIKE $1`,
      [`%-${PARTITION}`],
    );
    return rows.map(({ state }) => state);
  }
}
