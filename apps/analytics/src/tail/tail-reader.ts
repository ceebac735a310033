import type { TailGap } from '@bpfleet/contract';
import {
  isForgettable,
  isUnmovedSince,
  type StoredEnd,
  type StoredEnds,
  SURELY_KEPT_US,
  type TailPlace,
  type TailQuery,
  type TailSection,
  type TailSpan,
} from '@bpfleet/store';
import { STEP } from './config.js';
import type { TailCursor } from './tail-cursor.js';
import type { TailSource } from './tail-source.js';

/** What one step found. Behind it the reader is at `cursor`. */
export interface TailStep {
  readonly sections: readonly TailSection[];
  readonly gaps: readonly TailGap[];
  readonly cursor: TailCursor;
  /** Whether it read all that was stored. */
  readonly isThrough: boolean;
}

/**
 * Reads what is stored behind a cursor, a bounded step at a time. Past and live are the same: offsets below the end of a
 * partition are visible and never change, so that no transaction has to be held, and nothing can come in between.
 */
export class TailReader {
  constructor(
    private readonly source: TailSource,
    private readonly query: TailQuery,
  ) {}

  async step(cursor: TailCursor, stored: StoredEnds, signal: AbortSignal): Promise<TailStep> {
    const found = await Promise.all(stored.ends.map((end) => this.#locate(cursor, end, stored)));
    const gaps = found.flatMap(({ gap }) => gap ?? []);
    const spans = found.map(({ place, end }) => spanOf(place, end));
    const asked = spans.filter(({ place, end }) => place.next < end);
    const step = {
      limit: Math.max(1, Math.ceil(STEP.sections / Math.max(1, asked.length))),
      limitBytes: Math.ceil(STEP.bytes / Math.max(1, asked.length)),
    };
    const sections = asked.length > 0 ? await this.source.sections(asked, this.query, step, signal) : [];
    const retainedFromUs = await this.#retainedFromUs(asked, stored);
    // Rows went while they were looked for: what was found is not all, and only anew can be told what is gone.
    if (retainedFromUs > stored.retainedFromUs) return this.step(cursor, { ...stored, retainedFromUs }, signal);
    const places = spans.map((span, index) => {
      const own = sections.filter(({ logId, partition }) => isOf(span.place, { logId, partition }));
      return behind(span, own, step, stored.ends[index]!.next, stored.nowUs);
    });
    const isThrough = places.every(({ next }, index) => next >= stored.ends[index]!.next);
    return {
      sections,
      gaps,
      cursor: { ...cursor, places: remembered(places, stored), seenUs: stored.nowUs },
      isThrough,
    };
  }

  /** After the reading; asked only by readers who are so far behind that it matters. */
  async #retainedFromUs(asked: readonly TailSpan[], stored: StoredEnds): Promise<number> {
    const isBehind = asked.some(({ place }) => place.storedFromUs <= stored.nowUs - SURELY_KEPT_US);
    return isBehind ? this.source.retainedFromUs() : stored.retainedFromUs;
  }

  /** Where the reader is in a partition as that is now, and what of it is gone. */
  async #locate(cursor: TailCursor, end: StoredEnd, { retainedFromUs }: StoredEnds): Promise<Located> {
    const { logId, partition, replacement, replacedAtUs, next } = end;
    const place = cursor.places.find((one) => isOf(one, end)) ?? {
      ...{ logId, partition, replacement, storedFromUs: cursor.seenUs },
      next: isUnmovedSince(end, cursor.seenUs) ? next : 0n,
    };
    if (replacement > place.replacement || place.next > next) {
      // What the old log had behind this place cannot be told from what it never had.
      const anew = { ...place, replacement, next: 0n, storedFromUs: replacedAtUs };
      return { place: anew, end, gap: gapOf('log-replaced', place, place.next) };
    }
    if (place.storedFromUs >= retainedFromUs || place.next >= next) return { place, end };
    const span = { place, end: next, replacedAtUs };
    const first = (await this.source.firstOffset(span, retainedFromUs)) ?? next;
    const kept = { ...place, next: first, storedFromUs: retainedFromUs };
    return { place: kept, end, gap: first > place.next ? gapOf('not-retained', place, first) : undefined };
  }
}

/** Without those that need not be: a log that ended, as each one in process does, would stay in each cursor for ever. */
export const remembered = (places: readonly TailPlace[], { ends, nowUs }: StoredEnds): TailPlace[] =>
  places.filter((place) => {
    const end = ends.find((one) => isOf(one, place))!;
    return place.next < end.next || !isForgettable(end, nowUs);
  });

interface Located {
  readonly place: TailPlace;
  readonly end: StoredEnd;
  readonly gap?: TailGap | undefined;
}

const isOf = (place: Pick<TailPlace, 'logId' | 'partition'>, other: Pick<TailPlace, 'logId' | 'partition'>): boolean =>
  place.partition === other.partition && place.logId === other.logId;

function spanOf(place: TailPlace, { next, replacedAtUs }: StoredEnd): TailSpan {
  const most = place.next + STEP.offsets;
  return { place, end: next < most ? next : most, replacedAtUs };
}

/** Where a span's reading ended: behind its last section when that was all a step takes, else behind the span. */
function behind(
  { place, end }: TailSpan,
  sections: readonly TailSection[],
  { limit, limitBytes }: { readonly limit: number; readonly limitBytes: number },
  storedNext: bigint,
  nowUs: number,
): TailPlace {
  if (place.next >= end) return { ...place, storedFromUs: nowUs };
  const last = sections.at(-1);
  const bytes = sections.reduce((sum, { body }) => sum + body.byteLength, 0);
  const wasCut = sections.length >= limit || bytes >= limitBytes;
  const next = wasCut ? last!.offset + 1n : end;
  // All that will be stored from here on is newer than the moment when this was the end.
  const storedFromUs = next >= storedNext ? nowUs : Math.max(place.storedFromUs, last?.ingestedUs ?? 0);
  return { ...place, next, storedFromUs };
}

function gapOf(reason: TailGap['reason'], { logId, partition, next }: TailPlace, endOffset: bigint): TailGap {
  const records = String(endOffset - next);
  return { reason, log: logId, partition, firstOffset: String(next), endOffset: String(endOffset), records };
}
