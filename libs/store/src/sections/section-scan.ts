import type pg from 'pg';
import type { CopyField } from '../copy/copy-decoder.js';
import { copyEach, copyOut } from '../copy/copy-out.js';
import { storeError } from '../store-error.js';
import { decodeLooked, lookQuery } from './look-query.js';
import { decodePass, foundQuery, type Pass, passQuery } from './pass-query.js';
import { type Cursor, condition, cursorOf, type SectionOrder, type SectionQuery, stepQuery } from './section-query.js';
import { type SectionRange, sectionRange } from './section-range.js';
import { STEP_BYTES, Step, type Steps, StepsInTime, StepsOfNames } from './section-steps.js';
import { sectionTestSql } from './section-test-sql.js';
import { decodeSection, type StoredSection } from './stored-section.js';
import { TimeWindows } from './time-windows.js';

/**
 * So many are looked at for each that is to be found. Where fewer can hold what is asked for, the order of time is the dear one: the
 * next row is on another page each time, and a look at it takes twice as long as in the order of the disk.
 */
const LOOKED_AT_FOR_EACH = 16;
/** Of the first pass, if there are as many elsewhere as where it was looked; each that is found is kept in memory, by name. */
const PASS_SECTIONS = 65_536;
/** Where a pass finds fewer, the next one goes over more. */
const FEW_FOUND = 4_096;
const GROWTH = 4n;

/**
 * The sections of one query in the order of time: those that arrive meanwhile are seen where they lie ahead. No connection waits for
 * the caller: a section is given out as it arrives, and what is not taken yet is kept.
 *
 * In steps along the index on time as long as these find much, since one who asks for the newest mostly needs no more than them. Then in
 * passes over the rows as they lie, which find names; and by these.
 */
export class SectionScan implements AsyncIterable<StoredSection> {
  #there: number | undefined;
  #lastLook: Look | undefined;

  constructor(
    private readonly pool: pg.Pool,
    private readonly query: SectionQuery & { readonly order: SectionOrder },
    private readonly signal?: AbortSignal,
  ) {}

  /** How many sections the range has, whatever they hold. Undefined where they were not counted: all were given out, or not asked for yet. */
  get there(): number | undefined {
    return this.#there;
  }

  /** @throws the signal's reason when it is aborted; BpfleetError `STORE_UNAVAILABLE` */
  async *[Symbol.asyncIterator](): AsyncGenerator<StoredSection, void, void> {
    const { order, test, ...asked } = this.query;
    const range = await this.#range();
    if (range.hours.length === 0) return;
    const where = condition(asked, range.hours);
    const cursor = (behind: StoredSection | undefined) => behind && cursorOf(order, behind);
    if (test === undefined || test.kind === 'all') {
      const read = (most: number, behind?: StoredSection) =>
        this.#step(most, stepQuery(where, order, cursor(behind), most, STEP_BYTES));
      yield* this.#taken(new StepsInTime(read));
      return;
    }
    const testSql = sectionTestSql(test);
    const looks = new StepsInTime((most, behind) => this.#look(most, where, testSql, cursor(behind)));
    yield* this.#taken(looks);
    let there = 0;
    const last = cursor(looks.last);
    const windows = this.#windows(range);
    for (let window = windows.next(1n); window; ) {
      const pass = await this.#pass(passQuery(where, testSql, order, window, last));
      there += pass.there;
      yield* this.#taken(new StepsOfNames(pass.found, (names) => this.#step(names.length, foundQuery(names))));
      window = windows.next(pass.found.length < FEW_FOUND ? GROWTH : 1n);
    }
    this.#there = there;
  }

  /** The next step is read while the caller works: from the fourth on, where it mostly takes all, as early as can be. */
  async *#taken(steps: Steps): AsyncGenerator<StoredSection, void, void> {
    let current = steps.next();
    while (current) {
      const { sections } = current;
      let ahead: Step | undefined;
      for (let section = await sections.take(); section; section = await sections.take()) {
        this.signal?.throwIfAborted();
        if (current.isFull && sections.waiting < current.mostWaiting) ahead ??= steps.next();
        yield section;
      }
      current = ahead ?? steps.next();
    }
  }

  /** Of the range, from one end of time to the other, the first as long as so many sections seem to take. */
  #windows({ firstNs, lastNs }: SectionRange): TimeWindows {
    const { order, sinceNs, untilNs } = this.query;
    const [first, last] = [firstNs > sinceNs ? firstNs : sinceNs, lastNs < untilNs ? lastNs : untilNs];
    const [start, end] = order === 'newest' ? [last, first] : [first, last];
    const { behindNs = start, lookedAt, endNs } = this.#lastLook!;
    if (endNs === undefined) return new TimeWindows(order, undefined, end, 0n);
    const spanNs = order === 'newest' ? behindNs - endNs : endNs - behindNs;
    const lengthNs = (spanNs + 1n) * BigInt(Math.ceil(PASS_SECTIONS / lookedAt));
    return new TimeWindows(order, order === 'newest' ? endNs - lengthNs : endNs + lengthNs, end, lengthNs);
  }

  async #range(): Promise<SectionRange> {
    try {
      return await sectionRange(this.pool, this.query);
    } catch (error) {
      throw storeError(error);
    }
  }

  async #pass(sql: string): Promise<Pass> {
    const decode = (fields: readonly CopyField[]) => decodePass(this.query.order, fields);
    try {
      return (await copyOut(this.pool, sql, decode, this.signal))[0]!;
    } catch (error) {
      throw storeError(error);
    }
  }

  /** Reads at most so many that pass the test among the next of the range. */
  #look(most: number, where: string, test: string, cursor: Cursor | undefined): Step {
    const { order } = this.query;
    const look: Look = { behindNs: cursor?.tsNs, lookedAt: most * LOOKED_AT_FOR_EACH, endNs: undefined };
    this.#lastLook = look;
    const sql = lookQuery(where, test, order, cursor, { limit: most, limitBytes: STEP_BYTES, lookedAt: look.lookedAt });
    const decode = (fields: readonly CopyField[]) => {
      const { place, tsNs, section } = decodeLooked(order, fields);
      if (place === look.lookedAt) look.endNs = tsNs;
      return section;
    };
    return this.#arriving(most, sql, decode);
  }

  /** Reads sections; `most` of them, or fewer. */
  #step(most: number, sql: string): Step {
    return this.#arriving(most, sql, decodeSection);
  }

  #arriving(most: number, sql: string, decode: (fields: readonly CopyField[]) => StoredSection | undefined): Step {
    return new Step(most, (tell) =>
      copyEach(this.pool, sql, decode, (section) => section && tell(section), this.signal).catch((error: unknown) => {
        throw storeError(error);
      }),
    );
  }
}

/** Along the index on time. */
interface Look {
  readonly behindNs: bigint | undefined;
  readonly lookedAt: number;
  /** The time of the last one, where there were as many. */
  endNs: bigint | undefined;
}
