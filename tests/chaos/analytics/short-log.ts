import { type Admin, Kafka, logLevel } from 'kafkajs';
import { endsOf, positionsOf } from '../rig/log-ends.js';
import { newRandom } from '../rig/seed.js';
import { AnalyticsRig, type AnalyticsRigOptions } from './analytics-rig.js';
import { compareStored, type Found } from './stored-sections.js';
import { untilRead } from './until-read.js';

const MOST_SECTIONS = 60;
const PACKETS_EACH = 20;
const UNREAD_PARTS = 5;

/** Offsets `[from, to)` of a partition, as text. */
export interface OffsetRange {
  readonly partition: number;
  readonly from: string;
  readonly to: string;
}

/** Analytics behind a log that gives up what its reader has not read yet. */
export class ShortLog {
  readonly rig: AnalyticsRig;
  /** What was in the log and unread when it was given up. */
  readonly givenUp: OffsetRange[] = [];
  /** Ids of the sections that were in there. */
  readonly #unread = new Set<string>();
  readonly #random = newRandom();
  #admin!: Admin;

  constructor(private readonly options: AnalyticsRigOptions) {
    this.rig = new AnalyticsRig(options);
  }

  async start(): Promise<this> {
    this.#admin = new Kafka({ brokers: [...this.options.brokers], logLevel: logLevel.NOTHING }).admin();
    await Promise.all([this.rig.start(), this.#admin.connect()]);
    return this;
  }

  async stop(): Promise<void> {
    await this.#admin?.disconnect();
    await this.rig.stop();
  }

  /** Some sections are stored. Of those that come while nobody reads, the log gives up all that it has at one moment. */
  async overtake(whileNobodyReads: (work: () => Promise<void>) => Promise<void>): Promise<void> {
    await this.#send();
    await this.untilRead();
    await whileNobodyReads(async () => {
      const read = await this.#ends();
      const known = new Set(this.rig.traffic.sections.keys());
      // A reader that is held up has what came first, and what was fetched meanwhile; it has no place for more.
      for (let part = 0; part < UNREAD_PARTS; part++) await this.#send();
      for (const id of this.rig.traffic.sections.keys()) if (!known.has(id)) this.#unread.add(id);
      const ends = await this.#ends();
      const partitions = [...ends].map(([partition, offset]) => ({ partition, offset }));
      await this.#admin.deleteTopicRecords({ topic: this.rig.topic, partitions });
      for (const [partition, to] of ends) {
        const from = read.get(partition)!;
        if (from !== to) this.givenUp.push({ partition, from, to });
      }
      await this.#send();
    });
    await this.untilRead();
  }

  /** No position moves meanwhile: whoever reads is held up with what it has. */
  async holdingUp(work: () => Promise<void>): Promise<void> {
    const client = await this.rig.pool.connect();
    try {
      await client.query(`BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0;
        LOCK TABLE analytics.position IN SHARE MODE`);
      await work();
      await client.query('COMMIT');
    } finally {
      client.release(true);
    }
  }

  untilRead(): Promise<void> {
    return untilRead(this.rig.pool, this.#admin, this.rig.topic);
  }

  async losses(): Promise<OffsetRange[]> {
    const { rows } = await this.rig.pool.query<OffsetRange>(
      `SELECT partition, first_offset AS from, end_offset AS to FROM analytics.loss WHERE reason = 'retention'
       ORDER BY partition, first_offset`,
    );
    return rows;
  }

  /** What is stored of all that was sent but for what the log gave up. */
  kept(): Promise<Found> {
    const sections = [...this.rig.traffic.sections].filter(([id]) => !this.#unread.has(id));
    return compareStored(this.rig.pool, new Map(sections));
  }

  /** Offsets below the position that are not either stored or lost, once. */
  async notAccounted(): Promise<string[]> {
    const { rows } = await this.rig.pool.query<{ partition: number; log_offset: string }>(
      'SELECT partition, log_offset FROM analytics.section',
    );
    const found = new Map<string, number>();
    const count = (partition: number, offset: bigint) => {
      const place = `${partition}:${offset}`;
      found.set(place, (found.get(place) ?? 0) + 1);
    };
    for (const { partition, log_offset: offset } of rows) count(partition, BigInt(offset));
    for (const { partition, from, to } of await this.losses()) {
      for (let offset = BigInt(from); offset < BigInt(to); offset++) count(partition, offset);
    }
    for (const [partition, next] of await positionsOf(this.rig.pool)) {
      for (let offset = 0n; offset < BigInt(next); offset++) {
        const place = `${partition}:${offset}`;
        if (found.get(place) === 1) found.delete(place);
        else found.set(place, found.get(place) ?? 0);
      }
    }
    return [...found].map(([place, times]) => `${place} ${times} times`);
  }

  #send(): Promise<void> {
    return this.rig.send(1 + this.#random.below(MOST_SECTIONS), PACKETS_EACH);
  }

  #ends(): Promise<Map<number, string>> {
    return endsOf(this.#admin, this.rig.topic);
  }
}
