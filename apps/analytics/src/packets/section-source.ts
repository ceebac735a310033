import type { SectionName, SectionOrder, SectionQuery, StoredSection } from '@bpfleet/store';

/** What queries need of the store; `SectionStore` has this shape. */
export abstract class SectionSource {
  /** Sections that may hold packets from `sinceNs` to `untilNs`, both included, by the end of time they begin with. */
  abstract sections(
    query: SectionQuery & { readonly order: SectionOrder },
    signal?: AbortSignal,
  ): AsyncIterable<StoredSection>;
  /** Sections of the range, whatever is in them: without the query's `test`. */
  abstract count(query: SectionQuery): Promise<number>;
  /** Of these, what is stored, in any order. @param range what their packets' times lie in */
  abstract named(
    names: readonly SectionName[],
    range: Pick<SectionQuery, 'sinceNs' | 'untilNs'>,
    signal?: AbortSignal,
  ): Promise<readonly StoredSection[]>;
  abstract section(name: SectionName, signal?: AbortSignal): Promise<StoredSection | undefined>;
}
