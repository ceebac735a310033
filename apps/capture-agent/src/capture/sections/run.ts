/** Packets of one block of a ring that follow each other, all of one interface and set of members. */
export interface Run {
  /** Where in the ring the header of the first one is. */
  packet: number;
  packets: number;
  /** Packets that go out are in between, and none of it. */
  skipsOutgoing: boolean;
}

/** There is none in the section: the run ends before such a packet. */
export const NO_BLOCK = -1;
/** Such packets are passed over, and not counted. */
export const LEFT_OUT = -2;

/** Where they go: offsets in the buffer of the open section. */
export interface RunTarget {
  /** Interface blocks of those that came in, and of those that went out; NO_BLOCK, LEFT_OUT. */
  readonly inId: number;
  readonly outId: number;
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
  /** The next one needs an interface block: 1 of those that came in, 2 of those that went out; else 0. */
  readonly wants: number;
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
