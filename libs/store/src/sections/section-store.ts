import type pg from 'pg';
import { ArrivingRows } from '../copy/arriving-rows.js';
import type { CopyField } from '../copy/copy-decoder.js';
import { copyEach, copyOut } from '../copy/copy-out.js';
import { storeError } from '../store-error.js';
import {
  clamp,
  condition,
  type Hour,
  nameQuery,
  namesQuery,
  type SectionName,
  type SectionOrder,
  type SectionQuery,
  stepQuery,
} from './section-query.js';

/** One stored section. Times in Unix ns. */
export interface StoredSection {
  readonly agent: string;
  readonly epoch: number;
  readonly seq: number;
  readonly tsMinNs: bigint;
  readonly tsMaxNs: bigint;
  readonly packets: number;
  /** Packets the kernel dropped since the agent's section before. */
  readonly droppedByKernel: number;
  readonly body: Buffer;
}

/** What is known to be missing from an answer, and how much there is to read. */
export interface Completeness {
  readonly sections: number;
  readonly packets: number;
  /** Records kept aside whose time is in the range, or is not known and which arrived in it. */
  readonly quarantined: number;
  /** Packets, by agent; agents without drops are left out. */
  readonly droppedByKernel: ReadonlyMap<string, number>;
}

/** Few at first, because the newest sections mostly answer; then more, because a scan wants few round trips. */
const STEP_SECTIONS = [8, 16, 16, 32] as const;
/** In the steps before a scan the next one is asked for when so few sections wait: evaluating them takes as long as asking. */
const FEW_WAITING = 4;
/** Of bodies of one step; a reader holds two. Short-lived, so that they are gone before they count as old garbage. */
const STEP_BYTES = 2 * 1024 * 1024;

/** Sections of one query, and how many bytes of them have arrived. */
interface Step {
  bytes: number;
  readonly sections: ArrivingRows<StoredSection>;
}

/** Reads sections in the order of their packets' time. */
export class SectionStore {
  constructor(private readonly pool: pg.Pool) {}

  /**
   * Sections that may hold packets in the range, from one end of time to the other. Those that arrive meanwhile are
   * seen where they lie ahead. No connection waits for the caller: a section is given out as it arrives, and what is not
   * taken yet is kept. The next step is read while the caller works: from the fourth on, where it mostly takes all, as early as can be.
   * @throws the signal's reason when it is aborted; BpfleetError `STORE_UNAVAILABLE`
   */
  async *sections(
    query: SectionQuery & { readonly order: SectionOrder },
    signal?: AbortSignal,
  ): AsyncGenerator<StoredSection, void, void> {
    const hours = await this.#hours(query);
    if (hours.length === 0) return;
    const where = condition(query, hours);
    const limitOf = (step: number) => STEP_SECTIONS[Math.min(step, STEP_SECTIONS.length - 1)]!;
    const read = (step: number, behind?: StoredSection): Step => {
      const cursor = behind && { ...behind, tsNs: query.order === 'newest' ? behind.tsMaxNs : behind.tsMinNs };
      return this.#step(stepQuery(where, query.order, cursor, limitOf(step), STEP_BYTES), signal);
    };
    let current = read(0);
    for (let step = 0; ; step++) {
      const { sections } = current;
      const mostWaiting = limitOf(step) < STEP_SECTIONS.at(-1)! ? FEW_WAITING : Number.POSITIVE_INFINITY;
      // No more of this step come then, and there may be a next one.
      const isFull = () => sections.count >= limitOf(step) || current.bytes >= STEP_BYTES;
      let ahead: Step | undefined;
      for (let section = await sections.take(); section; section = await sections.take()) {
        signal?.throwIfAborted();
        if (isFull() && sections.waiting < mostWaiting) ahead ??= read(step + 1, sections.last);
        yield section;
      }
      if (!isFull()) return;
      current = ahead ?? read(step + 1, sections.last);
    }
  }

  /** One section by its name; undefined when it is not stored, or no longer. */
  async section(name: SectionName, signal?: AbortSignal): Promise<StoredSection | undefined> {
    return (await this.#read(nameQuery(name), signal))[0];
  }

  /**
   * Those of these sections that are stored, in any order.
   * @param range what their packets' times lie in: other hours are not looked into
   */
  async named(
    names: readonly SectionName[],
    range: Pick<SectionQuery, 'sinceNs' | 'untilNs'>,
    signal?: AbortSignal,
  ): Promise<StoredSection[]> {
    const hours = await this.#hours(range);
    return hours.length === 0 || names.length === 0 ? [] : this.#read(namesQuery(names, hours), signal);
  }

  /** How many sections may hold packets in the range, whatever they hold: without the query's `test`. */
  async count(query: SectionQuery): Promise<number> {
    const hours = await this.#hours(query);
    if (hours.length === 0) return 0;
    const { rows } = await this.#query<{ count: string }>(
      `SELECT count(*) FROM analytics.section WHERE ${condition({ ...query, test: undefined }, hours)}`,
    );
    return Number(rows[0]!.count);
  }

  async completeness(query: SectionQuery): Promise<Completeness> {
    const hours = await this.#hours(query);
    const { rows } = await this.#query<{ agent: string; sections: string; packets: string; dropped: string }>(
      `SELECT agent, count(*) AS sections, sum(packets) AS packets, sum(dropped_by_kernel) AS dropped
       FROM analytics.section WHERE ${hours.length > 0 ? condition(query, hours) : 'false'} GROUP BY agent`,
    );
    const sum = (values: string[]) => values.reduce((total, value) => total + Number(value), 0);
    return {
      sections: sum(rows.map(({ sections }) => sections)),
      packets: sum(rows.map(({ packets }) => packets)),
      quarantined: await this.#quarantined(query),
      droppedByKernel: new Map(rows.map((row) => [row.agent, Number(row.dropped)] as const).filter(([, n]) => n > 0)),
    };
  }

  /** Ingest hours whose sections may hold packets of that time. */
  async #hours(query: Pick<SectionQuery, 'sinceNs' | 'untilNs'>): Promise<Hour[]> {
    const { rows } = await this.#query<{ hour: Hour }>(
      `SELECT DISTINCT hour FROM analytics.partition_range
       WHERE (ts_max >= $1 AND ts_min <= $2) OR (suspect_ts_max >= $1 AND suspect_ts_min <= $2) ORDER BY hour`,
      [clamp(query.sinceNs), clamp(query.untilNs)],
    );
    return rows.map(({ hour }) => hour);
  }

  async #quarantined({ sinceNs, untilNs, agent }: SectionQuery): Promise<number> {
    const { rows } = await this.#query<{ count: string }>(
      `SELECT count(*) FROM analytics.quarantine
       WHERE COALESCE(ts_max, extract(epoch FROM quarantined_at)::numeric * 1e9) >= $1
         AND COALESCE(ts_min, extract(epoch FROM quarantined_at)::numeric * 1e9) <= $2
         AND ($3::text IS NULL OR agent IS NULL OR agent = $3)`,
      [clamp(sinceNs), clamp(untilNs), agent ?? null],
    );
    return Number(rows[0]!.count);
  }

  #step(sql: string, signal: AbortSignal | undefined): Step {
    const step: Step = {
      bytes: 0,
      sections: new ArrivingRows((add) => {
        const tell = (section: StoredSection) => {
          step.bytes += section.body.byteLength;
          add(section);
        };
        return copyEach(this.pool, sql, decodeSection, tell, signal).catch((error: unknown) => {
          throw storeError(error);
        });
      }),
    };
    return step;
  }

  async #read(sql: string, signal: AbortSignal | undefined): Promise<StoredSection[]> {
    try {
      return await copyOut(this.pool, sql, decodeSection, signal);
    } catch (error) {
      throw storeError(error);
    }
  }

  async #query<Row extends pg.QueryResultRow>(sql: string, values: unknown[] = []): Promise<pg.QueryResult<Row>> {
    try {
      return await this.pool.query<Row>(sql, values);
    } catch (error) {
      throw storeError(error);
    }
  }
}

export function decodeSection(fields: readonly CopyField[]): StoredSection {
  // All columns of `stepQuery` are NOT NULL.
  const [agent, epoch, seq, tsMin, tsMax, packets, dropped, body] = fields as Buffer[];
  return {
    agent: agent!.toString('utf8'),
    epoch: Number(epoch!.readBigInt64BE()),
    seq: Number(seq!.readBigInt64BE()),
    tsMinNs: tsMin!.readBigInt64BE(),
    tsMaxNs: tsMax!.readBigInt64BE(),
    packets: packets!.readInt32BE(),
    droppedByKernel: Number(dropped!.readBigInt64BE()),
    body: owned(body!),
  };
}

/** Of a field that lies within a chunk a copy: the whole chunk would stay in memory as long as the section does. */
const owned = (field: Buffer): Buffer => (field.byteLength === field.buffer.byteLength ? field : Buffer.from(field));
