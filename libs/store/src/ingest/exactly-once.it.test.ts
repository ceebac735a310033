import { crc32 } from 'node:zlib';
import { createDatabase, type TestDatabase } from '@bpfleet/test-environment';
import { postgres, suiteRequires } from '@bpfleet/test-environment/requirements';
import fc from 'fast-check';
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { FlowFlush, FlowRow } from '../flows/flow-row.js';
import { minuteSums } from '../flows/minute-sums.js';
import { createPool } from '../pool.js';
import type { HeldPosition, SectionRow } from '../rows.js';
import { analyticsDatabase } from '../testing/analytics-database.js';
import { IngestStore } from './ingest-store.js';

/** The log of one partition: what agents sent, with everything they sent again. */
type Log = readonly SectionRow[];

/** What a consumer, its owner or the network may do next. */
type Event =
  | { readonly kind: 'read'; readonly consumer: number; readonly records: number; readonly withFlows: boolean }
  | { readonly kind: 'take'; readonly consumer: number }
  /** The connection breaks while the transaction is open. */
  | { readonly kind: 'cut'; readonly consumer: number; readonly records: number }
  /** The commit arrived, its answer did not: the consumer goes on with what it believed. */
  | { readonly kind: 'unanswered'; readonly consumer: number; readonly records: number; readonly withFlows: boolean };

const CONSUMERS = 3;
const consumer = fc.nat(CONSUMERS - 1);
// 0: only flows, in a transaction of their own.
const records = fc.integer({ min: 0, max: 6 });
const withFlows = fc.boolean();
const anyEvent: fc.Arbitrary<Event> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('read'), consumer, records, withFlows }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('take'), consumer }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cut'), consumer, records }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('unanswered'), consumer, records, withFlows }) },
);

const anyIdentity = fc.record({
  agent: fc.constantFrom('a', 'b'),
  epoch: fc.constantFrom(1, 2),
  seq: fc.nat(7),
  // A forged section has the identity of another one, and other bytes.
  isForged: fc.nat(2).map((n) => n === 0),
});
const anyLog: fc.Arbitrary<Log> = fc.array(anyIdentity, { minLength: 1, maxLength: 40 }).map((identities) =>
  identities.map(({ agent, epoch, seq, isForged }, offset) => {
    const body = Buffer.from(`${agent} ${epoch} ${seq}${isForged ? ' forged' : ''}`);
    return {
      ...{ offset: BigInt(offset), agent, epoch, seq, crc32: crc32(body), tsMinNs: 1n, tsMaxNs: 2n, packets: 1 },
      ...{ filters: ['web@1'], droppedByKernel: 0, clockSuspect: false, body },
    };
  }),
);

/** One for each section; its sequence number tells which. */
const flowOf = ({ agent, body }: Pick<SectionRow, 'agent' | 'body'>): FlowRow => ({
  ...{ agent, filters: 'web@1', weights: '' },
  ...{ source: Uint8Array.of(1, 1, 1, 1), destination: Uint8Array.of(2, 2, 2, 2) },
  ...{ sourcePort: Number(Buffer.from(body).toString().split(' ')[2]), destinationPort: 80, protocol: 6 },
  ...{ firstNs: 1n, lastNs: 2n, packets: 1, bytes: 1, tcpFlags: 0, isPlain: true },
});

interface Partition {
  readonly logId: string;
  readonly log: Log;
  /** Who took it last: only this one may commit. */
  owner?: Consumer;
}

/** One process: its own connections, and what it believes of the partition. */
class Consumer {
  readonly #clients = new Set<pg.PoolClient>();
  readonly #pool: pg.Pool;
  readonly #store: IngestStore;
  #held: HeldPosition | undefined;
  /** Of the stored sections from `held.flowsNext` on. */
  #flows: FlowRow[] = [];

  constructor(
    connection: TestDatabase['connection'],
    private readonly name: string,
  ) {
    this.#pool = createPool({ connection, name, onError: () => {} });
    this.#pool.on('connect', (client) => this.#clients.add(client));
    this.#pool.on('remove', (client) => this.#clients.delete(client));
    this.#store = new IngestStore(this.#pool);
  }

  async take(partition: Partition): Promise<void> {
    partition.owner = this;
    this.#held = await this.#store.takePosition(partition.logId, 0, this.name);
    this.#flows = [];
    for await (const section of this.#store.sectionsWithoutFlows(this.#held)) this.#flows.push(flowOf(section));
  }

  /** Reads on from where this consumer believes to be; whether it still owns the partition is the store's matter. */
  async handle({ log, owner }: Partition, event: Exclude<Event, { kind: 'take' }>): Promise<void> {
    const held = this.#held;
    if (!held) return;
    const sections = log.slice(Number(held.next), Number(held.next) + event.records);
    const next = held.next + BigInt(sections.length);
    const flows = event.kind === 'cut' ? this.#cutting(held.next) : this.#flush(held.next, event.withFlows);
    if (sections.length === 0 && !flows) return;
    try {
      const { fresh } = await this.#store.commit({
        ...{ position: held, next, sections, flows, quarantined: [], losses: [] },
      });
      expect(owner).toBe(this);
      if (event.kind === 'unanswered') return;
      this.#held = { ...held, next, flowsNext: flows?.next ?? held.flowsNext };
      this.#flows = [...(flows ? [] : this.#flows), ...fresh.map(flowOf)];
    } catch (error) {
      const expected = event.kind === 'cut' ? ['STORE_UNAVAILABLE', 'FENCED'] : ['FENCED'];
      expect(expected).toContain((error as { code?: string }).code);
      if (event.kind !== 'cut') this.#held = undefined;
    }
  }

  #flush(next: bigint, withFlows: boolean): FlowFlush | undefined {
    return withFlows ? { next, flows: this.#flows, minutes: minuteSums(this.#flows, []) } : undefined;
  }

  #cutting(next: bigint): FlowFlush {
    const cut = () => this.#cutConnections();
    return {
      next,
      minutes: [],
      get flows() {
        cut();
        return [];
      },
    };
  }

  stop(): Promise<void> {
    return this.#pool.end();
  }

  #cutConnections(): void {
    for (const client of this.#clients) {
      (client as pg.PoolClient & { readonly connection: { stream: { destroy(): void } } }).connection.stream.destroy();
    }
  }
}

/** What a reader without faults would have stored. */
function expectedOf(log: Log): { bodies: string[]; conflicts: number } {
  const stored = new Map<string, string>();
  let conflicts = 0;
  for (const { agent, epoch, seq, body } of log) {
    const key = `${agent} ${epoch} ${seq}`;
    const text = Buffer.from(body).toString();
    if (!stored.has(key)) stored.set(key, text);
    else if (stored.get(key) !== text) conflicts++;
  }
  return { bodies: [...stored.values()].sort(), conflicts };
}

suiteRequires('IngestStore', { postgres: await postgres() }, ({ postgres: server }) => {
  let database: TestDatabase;
  let pool: pg.Pool;
  beforeAll(async () => {
    database = await createDatabase(server.connection, analyticsDatabase);
    pool = createPool({ connection: database.connection, name: 'test', onError: () => {} });
  });
  afterAll(async () => {
    await pool.end();
    await database.drop();
  });

  it('stores each section once, whatever is sent again, taken over, cut off or not answered', async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(anyLog, fc.array(anyEvent, { maxLength: 40 }), async (log, events) => {
        const logId = `log ${run++}`;
        const partition: Partition = { logId, log };
        await pool.query(`TRUNCATE analytics.section, analytics.flow, analytics.flow_minute, analytics.quarantine,
          analytics.progress`);
        const consumers = Array.from(
          { length: CONSUMERS },
          (_, index) => new Consumer(database.connection, `consumer-${index}`),
        );
        try {
          for (const event of events) {
            const consumer = consumers[event.consumer]!;
            if (event.kind === 'take') await consumer.take(partition);
            else await consumer.handle(partition, event);
          }
          // At last one consumer reads to the end, undisturbed.
          await consumers[0]!.take(partition);
          await consumers[0]!.handle(partition, { kind: 'read', consumer: 0, records: log.length, withFlows: false });
          await consumers[0]!.handle(partition, { kind: 'read', consumer: 0, records: 0, withFlows: true });
        } finally {
          await Promise.all(consumers.map((consumer) => consumer.stop()));
        }
        const expected = expectedOf(log);
        const { rows } = await pool.query<{ body: Buffer }>('SELECT body FROM analytics.section');
        expect(rows.map(({ body }) => body.toString()).sort()).toEqual(expected.bodies);
        const { rows: counts } = await pool.query(
          `SELECT (SELECT count(*) FROM analytics.quarantine)::int AS conflicts,
             (SELECT COALESCE(sum(packets), 0) FROM analytics.flow_minute)::int AS packets, next::int, flows_next::int
           FROM analytics.position WHERE log = $1`,
          [logId],
        );
        const next = log.length;
        const packets = expected.bodies.length;
        expect(counts[0]).toEqual({ conflicts: expected.conflicts, packets, next, flows_next: next });
        const { rows: flows } = await pool.query<{ of: string }>(
          "SELECT agent || ' ' || source_port AS of FROM analytics.flow",
        );
        const ofSections = expected.bodies.map((body) => `${body.split(' ')[0]} ${body.split(' ')[2]}`);
        const inOrder = (names: string[]) => names.toSorted((a, b) => (a < b ? -1 : 1));
        expect(inOrder(flows.map(({ of }) => of))).toEqual(inOrder(ofSections));
      }),
      { numRuns: 60, endOnFailure: true },
    );
  });
});
