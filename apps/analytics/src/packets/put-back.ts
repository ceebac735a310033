import type { SectionName } from '@bpfleet/store';
import { Heap } from './heap.js';
import { sectionId } from './packet-id.js';
import type { IsBefore, Place } from './place.js';
import type { OrderedSection } from './section-reader.js';

/** Sections are read again so many at a time, and so many bytes of them: each time is a way to Postgres and back. */
const MOST_AT_ONCE = { sections: 32, bytes: 2 * 1024 * 1024 } as const;

export interface NamedSection extends SectionName {
  readonly sizeBytes: number;
}

/** A section of which packets were dropped, and the place of the first of them. */
export interface Dropped extends Place {
  readonly name: NamedSection;
}

interface Waiting<S> extends Dropped {
  /** Read ahead of its time; gone: nothing is stored under its name any more. */
  stored?: S | 'gone' | undefined;
}

/** Sections that did not fit into memory, by the place where they go on. Some 200 bytes each. */
export class PutBack<S extends OrderedSection> {
  readonly #ready: Heap<Waiting<S>>;
  /** By section; those behind the cut. */
  readonly #later = new Map<number, Dropped>();
  #readAhead: readonly Waiting<S>[] = [];

  constructor(isBefore: IsBefore) {
    this.#ready = new Heap<Waiting<S>>(isBefore);
  }

  /** The one that goes on first, of those that were released. */
  get first(): Dropped | undefined {
    return this.#ready.peek();
  }

  /** Until `release`; what is told of a section later lies before what was told of it. */
  put(dropped: Dropped): void {
    this.#later.set(dropped.section, dropped);
  }

  release(): void {
    for (const dropped of this.#later.values()) this.#ready.push({ ...dropped });
    this.#later.clear();
  }

  /** Takes the first one, read again. Undefined where nothing was read. */
  async take(
    readAgain: (names: readonly SectionName[]) => Promise<readonly S[] | undefined>,
  ): Promise<S | 'gone' | undefined> {
    const first = this.#ready.pop()!;
    if (first.stored === undefined && !(await this.#read(first, readAgain))) return undefined;
    return first.stored;
  }

  /** Reads a section, and with it those that come behind. */
  async #read(
    first: Waiting<S>,
    readAgain: (names: readonly SectionName[]) => Promise<readonly S[] | undefined>,
  ): Promise<boolean> {
    // Others came before them meanwhile.
    for (const one of this.#readAhead) one.stored = undefined;
    const wanted = [first];
    let bytes = first.name.sizeBytes;
    for (let next = this.#ready.peek(); next && wanted.length < MOST_AT_ONCE.sections; next = this.#ready.peek()) {
      bytes += next.name.sizeBytes;
      if (bytes > MOST_AT_ONCE.bytes) break;
      wanted.push(this.#ready.pop()!);
    }
    const found = await readAgain(wanted.map(({ name }) => name));
    const byId = new Map(found?.map((section) => [sectionId(section), section]));
    for (const one of wanted) one.stored = found && (byId.get(sectionId(one.name)) ?? 'gone');
    this.#readAhead = wanted.slice(1);
    for (const one of this.#readAhead) this.#ready.push(one);
    return found !== undefined;
  }
}
