import type { SectionName } from '@bpfleet/store';

/** What the order of packets needs to know of a section before it is opened. */
export interface OrderedSection extends SectionName {
  readonly tsMinNs: bigint;
  readonly tsMaxNs: bigint;
  readonly body: { readonly byteLength: number };
}

/** What sections are made of, for whoever puts their packets in order. */
export interface SectionReader<S, P> {
  /** The section's packets that belong into the answer, as they were written. */
  open(section: S): readonly P[];
  /** The same of a section that was opened before. */
  openAgain(section: S): readonly P[];
  /** In any order; what is not stored any more is left out. Undefined: there is no time left. */
  readAgain(names: readonly SectionName[]): Promise<readonly S[] | undefined>;
  /** What packets of one section keep in memory. */
  sizeBytes(packets: readonly P[]): number;
  /** The same packets, without the bytes around them. */
  shrunk(packets: readonly P[]): readonly P[];
}
