import type { GivenUp, StoredEnds, TailPlace, TailQuery, TailSection, TailSpan } from '@bpfleet/store';

/** What tails need of the store; `TailStore` has this shape. */
export abstract class TailSource {
  abstract ends(): Promise<StoredEnds>;
  abstract places(sinceNs: bigint, ends: StoredEnds): Promise<TailPlace[]>;
  abstract sections(
    spans: readonly TailSpan[],
    query: TailQuery,
    step: { readonly limit: number; readonly limitBytes: number },
    signal?: AbortSignal,
  ): Promise<TailSection[]>;
  abstract firstOffset(span: TailSpan, retainedFromUs: number): Promise<bigint | undefined>;
  abstract retainedFromUs(): Promise<number>;
  abstract givenUp(sinceNs: bigint, untilNs: bigint): Promise<GivenUp[]>;
}
