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
 * hold a newer one: its time ≥ `tsMaxNs` of the next (design: "Order"). Only then is it given out, so that a caller
 * who stops at its limit has the newest ones; sections behind that are never opened.
 * @param open the section's packets that belong into the answer, in any order
 * @param limit at most so many will be taken: more are not kept waiting
 */
export async function* newestFirst<S extends SectionSpan, P extends Timed>(
  sections: AsyncIterable<S>,
  open: (section: S) => readonly P[],
  limit = Number.POSITIVE_INFINITY,
): AsyncGenerator<P, void, void> {
  const waiting = new Heap<Waiting<P>>(
    (a, b) =>
      a.packet.atNs > b.packet.atNs ||
      (a.packet.atNs === b.packet.atNs &&
        (a.section < b.section || (a.section === b.section && a.position > b.position))),
  );
  let remaining = limit;
  let count = 0;
  for await (const section of sections) {
    while (waiting.size > 0 && waiting.peek()!.packet.atNs >= section.tsMaxNs) {
      yield waiting.pop()!.packet;
      remaining--;
    }
    const packets = open(section);
    for (let position = 0; position < packets.length; position++) {
      waiting.push({ packet: packets[position]!, section: count, position });
    }
    count++;
    // One packet far ahead of its time keeps everything behind it waiting; it must not keep all in memory.
    if (waiting.size > 2 * remaining) waiting.keepFirst(remaining);
  }
  while (waiting.size > 0) yield waiting.pop()!.packet;
}

/** The packets of an open section that are still to come, the oldest first. */
interface Cursor<P> {
  readonly packets: readonly P[];
  readonly section: number;
  next: number;
}

const head = <P>({ packets, next }: Cursor<P>): P => packets[next]!;

/**
 * Packets oldest first, from sections ordered by `tsMinNs` ascending: a merge that holds only the sections that overlap
 * in time. Packets of one time stay in the order of their sections, and within one as written.
 * @param open the section's packets that belong into the answer, in any order
 */
export async function* oldestFirst<S extends SectionSpan, P extends Timed>(
  sections: AsyncIterable<S>,
  open: (section: S) => readonly P[],
): AsyncGenerator<P, void, void> {
  const cursors = new Heap<Cursor<P>>(
    (a, b) => head(a).atNs < head(b).atNs || (head(a).atNs === head(b).atNs && a.section < b.section),
  );
  const take = (): P => {
    const cursor = cursors.pop()!;
    const packet = head(cursor);
    cursor.next++;
    if (cursor.next < cursor.packets.length) cursors.push(cursor);
    return packet;
  };
  let count = 0;
  for await (const section of sections) {
    while (cursors.size > 0 && head(cursors.peek()!).atNs < section.tsMinNs) yield take();
    const packets = inTimeOrder(open(section));
    if (packets.length > 0) cursors.push({ packets, section: count, next: 0 });
    count++;
  }
  while (cursors.size > 0) yield take();
}

/** Rings of several CPUs, and files, do not write in order; most sections are in order all the same. */
function inTimeOrder<P extends Timed>(packets: readonly P[]): readonly P[] {
  const isOrdered = packets.every((packet, index) => index === 0 || packet.atNs >= packets[index - 1]!.atNs);
  return isOrdered ? packets : packets.toSorted((a, b) => (a.atNs < b.atNs ? -1 : a.atNs > b.atNs ? 1 : 0));
}
