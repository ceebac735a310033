import { mayHold, OPAQUE, type SectionIndex } from '@bpfleet/pruning';
import type { SectionName, SectionOrder, SectionQuery, StoredSection } from '@bpfleet/store';
import { SectionSource } from './section-source.js';

/** A `SectionSource` over an array; for tests. */
export class MemorySections extends SectionSource {
  readonly stored: (StoredSection & { readonly filters: readonly string[]; readonly index?: SectionIndex })[] = [];
  /** Sections that were read so far. */
  read = 0;
  readAgain = 0;

  override async *sections(
    query: SectionQuery & { readonly order: SectionOrder },
    signal?: AbortSignal,
  ): AsyncGenerator<StoredSection, void, void> {
    for (const section of this.#selected(query)) {
      signal?.throwIfAborted();
      this.read++;
      yield section;
    }
  }

  override async count(query: SectionQuery): Promise<number> {
    return this.#selected({ ...query, test: undefined, order: 'newest' }).length;
  }

  override async named(names: readonly SectionName[], _range: unknown, signal?: AbortSignal): Promise<StoredSection[]> {
    signal?.throwIfAborted();
    const found = await Promise.all(names.map((name) => this.section(name)));
    this.readAgain += names.length;
    return found.filter((one) => one !== undefined);
  }

  override async section({ agent, epoch, seq }: SectionName): Promise<StoredSection | undefined> {
    return this.stored.find((one) => one.agent === agent && one.epoch === epoch && one.seq === seq);
  }

  #selected({ sinceNs, untilNs, agent, filter, test, order }: SectionQuery & { readonly order: SectionOrder }) {
    const isAsked = (name: string) => filter === undefined || name === filter || name.startsWith(`${filter}@`);
    return this.stored
      .filter((section) => section.tsMaxNs >= sinceNs && section.tsMinNs <= untilNs)
      .filter((section) => agent === undefined || section.agent === agent)
      .filter((section) => section.filters.some(isAsked))
      .filter(({ index }) => test === undefined || mayHold(test, index ?? OPAQUE))
      .toSorted((a, b) => (order === 'newest' ? compare(b.tsMaxNs, a.tsMaxNs) : compare(a.tsMinNs, b.tsMinNs)));
  }
}

const compare = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);
