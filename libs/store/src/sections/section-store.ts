import type pg from 'pg';
import { copyOut } from '../copy/copy-out.js';
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
} from './section-query.js';
import { sectionRange } from './section-range.js';
import { SectionScan } from './section-scan.js';
import { decodeSection, type StoredSection } from './stored-section.js';

/** What is known to be missing from an answer, and how much there is to read. */
export interface Completeness {
  readonly sections: number;
  readonly packets: number;
  /** Records kept aside whose time is in the range, or is not known and which arrived in it. */
  readonly quarantined: number;
  /** Packets, by agent; agents without drops are left out. */
  readonly droppedByKernel: ReadonlyMap<string, number>;
}

/** Reads sections in the order of their packets' time. */
export class SectionStore {
  constructor(private readonly pool: pg.Pool) {}

  /** Sections that may hold packets in the range, from one end of time to the other. */
  sections(query: SectionQuery & { readonly order: SectionOrder }, signal?: AbortSignal): SectionScan {
    return new SectionScan(this.pool, query, signal);
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

  async #hours(query: Pick<SectionQuery, 'sinceNs' | 'untilNs'>): Promise<readonly Hour[]> {
    try {
      return (await sectionRange(this.pool, query)).hours;
    } catch (error) {
      throw storeError(error);
    }
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
