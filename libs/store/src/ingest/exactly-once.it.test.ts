import { crc32 } from 'node:zlib';
import { createDatabase, type TestDatabase } from '@bpfleet/test-environment';
import { postgres, suiteRequires } from '@bpfleet/test-environment/requirements';
import fc from 'fast-check';
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createPool } from '../pool.js';
import type { FlowRow, HeldPosition, SectionRow } from '../rows.js';
import { analyticsDatabase } from '../testing/analytics-database.js';
import { IngestStore } from './ingest-store.js';

/** The log of one partition: what agents sent, with everything they sent again. */
type Log = readonly SectionRow[];

/** What a consumer, its owner or the network may do next. */
type Event =
  | { readonly kind: 'read'; readonly consumer: number; readonly records: number }
  | { readonly kind: 'take'; readonly consumer: number }
  /** The connection breaks while the transaction is open. */
  | { readonly kind: 'cut'; readonly consumer: number; readonly records: number }
  /** The commit arrived, its answer did not: the consumer goes on with what it believed. */
  | { readonly kind: 'unanswered'; readonly consumer: number; readonly records: number };

const CONSUMERS = 3;
const anyConsumer = fc.nat(CONSUMERS - 1);
const anyRecords = fc.integer({ min: 1, max: 6 });
const anyEvent: fc.Arbitrary<Event> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('read'), consumer: anyConsumer, records: anyRecords }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('take'), consumer: anyConsumer }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cut'), consumer: anyConsumer, records: anyRecords }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('unanswered'), consumer: anyConsumer, records: anyRecords }) },
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

const flowOf = (section: SectionRow): FlowRow => ({
  ...{
    agent: section.agent,
    filter: 'web@1',
    source: Uint8Array.of(1, 1, 1, 1),
    destination: Uint8Array.of(2, 2, 2, 2),
  },
  ...{
    sourcePort: section.seq,
    destinationPort: 80,
    protocol: 6,
    firstNs: 1n,
    lastNs: 2n,
    packets: 1,
    bytes: 1,
    tcpFlags: 0,
  },
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
  }

  /** Reads on from where this consumer believes to be; whether it still owns the partition is the store's matter. */
  async handle({ log, owner }: Partition, event: Exclude<Event, { kind: 'take' }>): Promise<void> {
    const held = this.#held;
    if (!held) return;
    const sections = log.slice(Number(held.next), Number(held.next) + event.records);
    if (sections.length === 0) return;
    const next = held.next + BigInt(sections.length);
    const flowsOf = (stored: readonly SectionRow[]) => {
      if (event.kind === 'cut') this.#cutConnections();
      return stored.map(flowOf);
    };
    try {
      await this.#store.commit({ position: held, next, sections, flowsOf, quarantined: [], losses: [] });
      expect(owner).toBe(this);
      if (event.kind !== 'unanswered') this.#held = { ...held, next };
    } catch (error) {
      const expected = event.kind === 'cut' ? ['STORE_UNAVAILABLE', 'FENCED'] : ['FENCED'];
      expect(expected).toContain((error as { code?: string }).code);
      if (event.kind !== 'cut') this.#held = undefined;
    }
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
        await pool.query(`TRUNCATE analytics.section, analytics.flow, analytics.quarantine, analytics.progress`);
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
          await consumers[0]!.handle(partition, { kind: 'read', consumer: 0, records: log.length });
        } finally {
          await Promise.all(consumers.map((consumer) => consumer.stop()));
        }
        const expected = expectedOf(log);
        const { rows } = await pool.query<{ body: Buffer }>('SELECT body FROM analytics.section');
        expect(rows.map(({ body }) => body.toString()).sort()).toEqual(expected.bodies);
        const { rows: counts } = await pool.query(
          `SELECT (SELECT count(*) FROM analytics.flow)::int AS flows,
             (SELECT count(*) FROM analytics.quarantine)::int AS conflicts,
             (SELECT next FROM analytics.position WHERE log = $1)::int AS next`,
          [logId],
        );
        expect(counts[0]).toEqual({ flows: expected.bodies.length, conflicts: expected.conflicts, next: log.length });
      }),
      { numRuns: 60, endOnFailure: true },
    );
  });
});
