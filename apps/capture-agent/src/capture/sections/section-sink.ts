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
}

/** Takes sections as they close. When `write` returns, the packets are safe from the end of this process. */
export interface SectionSink {
  write(section: ClosedSection): void;
}
