import type { EbpfFilter } from '@bpfleet/bpf';

/** What `load` needs of a filter: its maps, and its instructions once the maps have descriptors. */
export interface LoadableFilter {
  readonly maps: EbpfFilter['maps'];
  encode(descriptors: readonly number[]): Uint8Array;
}
