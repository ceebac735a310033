/** Where a ring's reader stands: behind so many packets of the block with this sequence number. */
export interface RingPosition {
  readonly socket: number;
  readonly blockSequence: number;
  readonly packets: number;
}

/** One closed section. Its bytes are valid during the call that hands it over. */
export interface ClosedSection {
  readonly seq: number;
  readonly tsMinNs: bigint;
  readonly tsMaxNs: bigint;
  readonly packets: number;
  /** `web@3` */
  readonly filters: readonly string[];
  readonly crc32: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Every packet before these is in this section, in an earlier one, or in none. */
  readonly positions: readonly RingPosition[];
  /** Packets read from the rings since the epoch began, kept or not, up to this section's end. */
  readonly taken: number;
}

/** Takes sections as they close. When `write` returns, the packets are safe from the end of this process. */
export interface SectionSink {
  write(section: ClosedSection): void;
}
