import { Heap } from './heap.js';
import type { IsBefore, Place, Timed } from './place.js';
import type { Dropped, NamedSection } from './put-back.js';
import type { SectionReader } from './section-reader.js';

/** So many times of packets tell well enough where the middle of all is. */
const SAMPLES = 512;

/** The packets of an open section that are still to come, the first one first. */
class Cursor<P extends Timed> implements Place {
  next = 0;

  constructor(
    readonly section: number,
    readonly name: NamedSection,
    readonly packets: readonly P[],
    readonly sizeBytes: number,
  ) {}

  get atNs(): bigint {
    return this.packets[this.next]!.atNs;
  }

  get isUsedUp(): boolean {
    return this.next === this.packets.length;
  }
}

/** Packets of open sections, merged as they are taken. */
export class HeldPackets<P extends Timed> {
  readonly #cursors: Heap<Cursor<P>>;
  #bytes = 0;

  constructor(
    private readonly isBefore: IsBefore,
    private readonly reader: Pick<SectionReader<unknown, P>, 'sizeBytes' | 'shrunk'>,
  ) {
    this.#cursors = new Heap<Cursor<P>>(isBefore);
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Holds a section's packets from `from` on up to the cut.
   * @param packets in order
   * @returns what lies behind the cut, if anything does
   */
  add(from: Place, name: NamedSection, packets: readonly P[], cut: Place | undefined): Dropped | undefined {
    const { section } = from;
    const begin = this.#firstNotBefore(from, section, packets);
    const end = cut ? this.#firstNotBefore(cut, section, packets) : packets.length;
    // What is left out would stay in memory, and count as held.
    const isWhole = begin === 0 && end === packets.length;
    if (begin < end) this.#push(section, name, isWhole ? packets : this.reader.shrunk(packets.slice(begin, end)));
    return end < packets.length ? { section, name, atNs: packets[end]!.atNs } : undefined;
  }

  /** The packets before a place, or all. */
  take(until?: Place): P[] {
    const cursors = this.#cursors;
    const taken: P[] = [];
    for (let cursor = cursors.peek(); cursor; cursor = cursors.peek()) {
      if (until && !this.isBefore(cursor, until)) break;
      cursors.pop();
      const other = cursors.peek();
      // Most sections do not overlap: stay with one while it is ahead of all others.
      do taken.push(cursor.packets[cursor.next++]!);
      while (!cursor.isUsedUp && (!until || this.isBefore(cursor, until)) && (!other || this.isBefore(cursor, other)));
      if (cursor.isUsedUp) this.#bytes -= cursor.sizeBytes;
      else cursors.push(cursor);
    }
    return taken;
  }

  /** Drops the bytes that nobody waits for. */
  shrink(): void {
    for (const { section, name, packets, next } of this.#takeAll()) {
      this.#push(section, name, this.reader.shrunk(next === 0 ? packets : packets.slice(next)));
    }
  }

  /**
   * Drops about the half that comes last. All packets of one time stay together.
   * @param afterNs packets of this time are kept: without them nothing would be given out
   * @param drop hears of each section that packets were dropped of, and which was the first
   * @returns the cut: what is held lies before it
   */
  cutDown(afterNs: bigint, drop: (dropped: Dropped) => void): Place {
    const middleNs = this.#middleNs();
    const cut =
      middleNs === afterNs
        ? { atNs: afterNs, section: Number.POSITIVE_INFINITY }
        : { atNs: middleNs, section: Number.NEGATIVE_INFINITY };
    for (const { section, name, packets, next } of this.#takeAll()) {
      const end = this.#firstNotBefore(cut, section, packets);
      if (end < packets.length) drop({ section, name, atNs: packets[Math.max(end, next)]!.atNs });
      if (next < end) this.#push(section, name, this.reader.shrunk(packets.slice(next, end)));
    }
    return cut;
  }

  #takeAll(): Cursor<P>[] {
    this.#bytes = 0;
    return this.#cursors.takeAll();
  }

  #push(section: number, name: NamedSection, packets: readonly P[]): void {
    const sizeBytes = this.reader.sizeBytes(packets);
    this.#bytes += sizeBytes;
    this.#cursors.push(new Cursor(section, name, packets, sizeBytes));
  }

  /** The time in the middle of what is held, as far as a sample tells. */
  #middleNs(): bigint {
    const cursors = this.#cursors.items;
    const count = cursors.reduce((sum, { packets, next }) => sum + packets.length - next, 0);
    const step = Math.ceil(count / SAMPLES);
    const sample: Place[] = [];
    let skip = 0;
    for (const { section, packets, next } of cursors) {
      let at = next + skip;
      for (; at < packets.length; at += step) sample.push({ section, atNs: packets[at]!.atNs });
      skip = at - packets.length;
    }
    sample.sort((a, b) => (this.isBefore(a, b) ? -1 : 1));
    return sample[sample.length >> 1]!.atNs;
  }

  /** Index of the first packet that is not before a place; packets are in order. */
  #firstNotBefore(place: Place, section: number, packets: readonly P[]): number {
    let [low, high] = [0, packets.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.isBefore({ atNs: packets[middle]!.atNs, section }, place)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
