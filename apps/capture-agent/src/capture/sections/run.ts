/** Packets of one block of a ring that follow each other, all of one interface, set of members and direction. */
export interface Run {
  /** Where in the ring the header of the first one is. */
  packet: number;
  packets: number;
  isOut: boolean;
}

/** Where they go: offsets in the buffer of the open section. */
export interface RunTarget {
  readonly interfaceId: number;
  readonly snaplenBytes: number;
  readonly startBytes: number;
  /** The run ends when the section is so large. */
  readonly stopAtBytes: number;
  /** No packet goes beyond. */
  readonly limitBytes: number;
  /** Packets of the block that were dealt with before. */
  readonly blockPackets: number;
}

/** Of packets that were copied. */
export interface CopiedRun {
  /** Where they end. */
  readonly endBytes: number;
  readonly keptBytes: number;
  readonly truncated: number;
  readonly oldestSeconds: number;
  readonly oldestNanoseconds: number;
  readonly newestSeconds: number;
  readonly newestNanoseconds: number;
}

/** Writes many packets at once into the buffer of the open section, each committed as `OpenSectionState` does. */
export interface CopiesRuns {
  /**
   * Copies what there is room for; the run is then what is left of it.
   * @returns how many packets that were
   */
  copy(run: Run, target: RunTarget): number;
  /** Of the packets that were copied last. */
  readonly results: CopiedRun;
}
