import type { SectionOrder } from '@bpfleet/store';
import { HELD_BYTES } from './config.js';
import { HeldPackets } from './held-packets.js';
import { isBefore, type Place, type Timed } from './place.js';
import { PutBack } from './put-back.js';
import type { OrderedSection, SectionReader } from './section-reader.js';

/**
 * Packets newest first, at most `limit`, from sections ordered by `tsMaxNs` descending. Of one time, the later of a section
 * comes first. Sections behind the last packet are never opened.
 * @returns as `inTimeOrder`
 */
export async function* newestFirst<S extends OrderedSection, P extends Timed>(
  sections: AsyncIterable<S>,
  reader: SectionReader<S, P>,
  limit = Number.POSITIVE_INFINITY,
  mostBytes?: number,
): AsyncGenerator<readonly P[], void, void> {
  let remaining = limit;
  for await (const run of inTimeOrder('newest', sections, reader, mostBytes)) {
    yield run.length > remaining ? run.slice(0, remaining) : run;
    remaining -= run.length;
    if (remaining <= 0) return;
  }
}

/**
 * Packets oldest first, from sections ordered by `tsMinNs` ascending. Those of one time stay in the order of their
 * sections, and within one as written.
 * @returns as `inTimeOrder`
 */
export const oldestFirst = <S extends OrderedSection, P extends Timed>(
  sections: AsyncIterable<S>,
  reader: SectionReader<S, P>,
  mostBytes?: number,
): AsyncGenerator<readonly P[], void, void> => inTimeOrder('oldest', sections, reader, mostBytes);

/**
 * A merge of sections that overlap in time. A packet is final, and given out, when no section ahead can hold one that
 * comes before it (design: "Order").
 *
 * Sections that are open keep `mostBytes` and a section, however many overlap: of what is more the later half is dropped, and
 * nothing behind this cut is kept until all before it was given out. Then the sections that have something behind it are
 * read again, each from the packet on that was dropped first.
 * @returns packets in runs, as many at a time as became final: an await per packet would cost more than the packet
 */
async function* inTimeOrder<S extends OrderedSection, P extends Timed>(
  order: SectionOrder,
  sections: AsyncIterable<S>,
  reader: SectionReader<S, P>,
  mostBytes = HELD_BYTES,
): AsyncGenerator<readonly P[], void, void> {
  const held = new HeldPackets<P>(isBefore[order], reader);
  const putBack = new PutBack<S>(isBefore[order]);
  const unread = numbered(order, sections);
  let cut: Place | undefined;
  try {
    let fresh = await nextOf(unread);
    for (;;) {
      const again = putBack.first;
      const next = again && !(fresh && isBefore[order](fresh, again)) ? again : fresh;
      if (cut && !(next && isBefore[order](next, cut))) {
        yield* runsOf(held.take());
        putBack.release();
        cut = undefined;
        continue;
      }
      yield* runsOf(held.take(next));
      if (!next) return;
      const packets = fresh === next ? reader.open(fresh.stored) : await openedAgain(putBack, reader);
      // The budget: what was given out is all that came before.
      if (!packets) return;
      const name = fresh === next ? nameOf(fresh.stored) : again!.name;
      if (fresh === next) fresh = await nextOf(unread);
      const dropped = held.add(next, name, inOrder(order, packets), cut);
      if (dropped) putBack.put(dropped);
      if (held.bytes <= mostBytes) continue;
      held.shrink();
      if (held.bytes > mostBytes / 2) cut = held.cutDown(next.atNs, (one) => putBack.put(one));
    }
  } finally {
    await unread.return();
  }
}

interface Fresh<S> extends Place {
  readonly stored: S;
}

/** Sections with the place from which on they may hold packets. */
async function* numbered<S extends OrderedSection>(
  order: SectionOrder,
  sections: AsyncIterable<S>,
): AsyncGenerator<Fresh<S>, void, void> {
  let section = 0;
  for await (const stored of sections) {
    yield { stored, atNs: order === 'oldest' ? stored.tsMinNs : stored.tsMaxNs, section: section++ };
  }
}

async function nextOf<S>(sections: AsyncGenerator<Fresh<S>, void, void>): Promise<Fresh<S> | undefined> {
  const { value } = await sections.next();
  return value ?? undefined;
}

/** Undefined: there is no time left. */
async function openedAgain<S extends OrderedSection, P>(
  putBack: PutBack<S>,
  reader: SectionReader<S, P>,
): Promise<readonly P[] | undefined> {
  const found = await putBack.take((names) => reader.readAgain(names));
  // Retention took it meanwhile, which the answer's completeness tells.
  if (found === 'gone') return [];
  return found && reader.openAgain(found);
}

const nameOf = ({ agent, epoch, seq, body }: OrderedSection) => ({ agent, epoch, seq, sizeBytes: body.byteLength });

function* runsOf<P>(packets: readonly P[]): Generator<readonly P[], void, void> {
  if (packets.length > 0) yield packets;
}

/** Rings of several CPUs, and files, do not write in order; most sections are in order all the same. */
function inOrder<P extends Timed>(order: SectionOrder, packets: readonly P[]): readonly P[] {
  const isOrdered = packets.every((packet, index) => index === 0 || packet.atNs >= packets[index - 1]!.atNs);
  const oldest = isOrdered ? packets : packets.toSorted((a, b) => (a.atNs < b.atNs ? -1 : a.atNs > b.atNs ? 1 : 0));
  return order === 'oldest' ? oldest : oldest.toReversed();
}
