import { Heap } from './heap.js';

/** What the order of packets needs to know of a section before it is opened. */
export interface SectionSpan {
  readonly tsMinNs: bigint;
  readonly tsMaxNs: bigint;
}

/** A packet in some section; `position` is its place among all packets of that section. */
export interface Timed {
  readonly atNs: bigint;
}

interface Waiting<P> {
  readonly packet: P;
  /** Which section it came from, in the order they were read: keeps packets of one time in a stable order. */
  readonly section: number;
  readonly position: number;
}

/**
 * Packets newest first, from sections ordered by `tsMaxNs` descending. A packet is final when no unread section can
 * hold a newer one: its time ≥ `tsMaxNs` of the next (design: "Order"). Only then is it given out, so that the first
 * `limit` are the newest ones; sections behind that are never opened.
 * @param open the section's packets that belong into the answer, in any order
 * @returns packets in runs, as many at a time as became final: an await per packet would cost more than the packet
 */
export async function* newestFirst<S extends SectionSpan, P extends Timed>(
  sections: AsyncIterable<S>,
  open: (section: S) => readonly P[],
  limit = Number.POSITIVE_INFINITY,
): AsyncGenerator<readonly P[], void, void> {
  const waiting = new Heap<Waiting<P>>(isNewer);
  let remaining = limit;
  let count = 0;
  for await (const section of sections) {
    const final = takeNewest(waiting, section.tsMaxNs, remaining);
    remaining -= final.length;
    if (final.length > 0) yield final;
    if (remaining === 0) return;
    open(section).forEach((packet, position) => {
      waiting.push({ packet, section: count, position });
    });
    count++;
    // One packet far ahead of its time keeps everything behind it waiting; it must not keep all in memory.
    if (waiting.size > 2 * remaining) waiting.keepFirst(remaining);
  }
  const rest = takeNewest(waiting, undefined, remaining);
  if (rest.length > 0) yield rest;
}

function isNewer(a: Waiting<Timed>, b: Waiting<Timed>): boolean {
  if (a.packet.atNs !== b.packet.atNs) return a.packet.atNs > b.packet.atNs;
  return a.section < b.section || (a.section === b.section && a.position > b.position);
}

/** At most `count` packets that are not older than `sinceNs`. */
function takeNewest<P extends Timed>(waiting: Heap<Waiting<P>>, sinceNs: bigint | undefined, count: number): P[] {
  const taken: P[] = [];
  for (let next = waiting.peek(); next && taken.length < count; next = waiting.peek()) {
    if (sinceNs !== undefined && next.packet.atNs < sinceNs) break;
    taken.push(next.packet);
    waiting.pop();
  }
  return taken;
}

/** The packets of an open section that are still to come, the oldest first. */
interface Cursor<P> {
  readonly packets: readonly P[];
  readonly section: number;
  next: number;
}

const head = <P>({ packets, next }: Cursor<P>): P => packets[next]!;

function isEarlier(a: Cursor<Timed>, b: Cursor<Timed>): boolean {
  const [first, second] = [head(a).atNs, head(b).atNs];
  return first < second || (first === second && a.section < b.section);
}

/**
 * Packets oldest first, from sections ordered by `tsMinNs` ascending: a merge that holds only the sections that overlap
 * in time. Packets of one time stay in the order of their sections, and within one as written.
 * @param open the section's packets that belong into the answer, in any order
 * @returns packets in runs, as many at a time as became final
 */
export async function* oldestFirst<S extends SectionSpan, P extends Timed>(
  sections: AsyncIterable<S>,
  open: (section: S) => readonly P[],
): AsyncGenerator<readonly P[], void, void> {
  const cursors = new Heap<Cursor<P>>(isEarlier);
  let count = 0;
  for await (const section of sections) {
    const final = takeOldest(cursors, section.tsMinNs);
    if (final.length > 0) yield final;
    const packets = inTimeOrder(open(section));
    if (packets.length > 0) cursors.push({ packets, section: count, next: 0 });
    count++;
  }
  const rest = takeOldest(cursors, undefined);
  if (rest.length > 0) yield rest;
}

/** All packets up to `untilNs`, that time included: equal times stay in the order of their sections. */
function takeOldest<P extends Timed>(cursors: Heap<Cursor<P>>, untilNs: bigint | undefined): P[] {
  const taken: P[] = [];
  for (let cursor = cursors.peek(); cursor; cursor = cursors.peek()) {
    if (untilNs !== undefined && head(cursor).atNs > untilNs) break;
    cursors.pop();
    const other = cursors.peek();
    // Most sections do not overlap: stay with one while it is ahead of all others.
    do taken.push(cursor.packets[cursor.next++]!);
    while (
      cursor.next < cursor.packets.length &&
      (untilNs === undefined || head(cursor).atNs <= untilNs) &&
      (!other || isEarlier(cursor, other))
    );
    if (cursor.next < cursor.packets.length) cursors.push(cursor);
  }
  return taken;
}

/** Rings of several CPUs, and files, do not write in order; most sections are in order all the same. */
function inTimeOrder<P extends Timed>(packets: readonly P[]): readonly P[] {
  const isOrdered = packets.every((packet, index) => index === 0 || packet.atNs >= packets[index - 1]!.atNs);
  return isOrdered ? packets : packets.toSorted((a, b) => (a.atNs < b.atNs ? -1 : a.atNs > b.atNs ? 1 : 0));
}
