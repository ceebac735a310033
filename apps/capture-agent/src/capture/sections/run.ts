/** Packets of one block of a ring that follow each other, all of one interface. */
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

/** What is decided of one packet: its interface block, and how many of its bytes are kept. */
export const PLAN = { id: 0, kept: 1, words: 2 } as const;

/** A run whose packets are of any sets: of each is decided what it will be in the section before all are copied at once. */
export class RunPlan implements Run {
  packet = 0;
  packets = 0;
  skipsOutgoing = false;
  /** What they will take in the section. */
  bytes = 0;
  readonly #most: number;

  /** @param words that the copier reads: `PLAN` of each packet, one behind the other */
  constructor(private readonly words: Uint32Array) {
    this.#most = words.length / PLAN.words;
  }

  get isFull(): boolean {
    return this.packets === this.#most;
  }

  /**
   * @param at where in the ring the packet's header is
   * @param bytes what it takes in the section
   */
  add(at: number, id: number, kept: number, bytes: number): void {
    if (this.packets === 0) this.packet = at;
    const word = this.packets * PLAN.words;
    this.words[word + PLAN.id] = id;
    this.words[word + PLAN.kept] = kept;
    this.packets++;
    this.bytes += bytes;
  }
}

/** Writes many packets at once into the buffer of the open section, each committed as `OpenSectionState` does. */
export interface CopiesRuns {
  /**
   * Copies what there is room for; the run is then what is left of it.
   * @returns how many packets that were
   */
  copy(run: Run, target: RunTarget): number;
  /** Packets of one lane, as far as they are to be copied next; there is room for all of them. */
  readonly plan: RunPlan;
  /**
   * Copies the packets of the plan, which is empty then.
   * @returns how many packets that were
   */
  copyPlanned(startBytes: number, limitBytes: number, blockPackets: number): number;
  /** Of the packets that were copied last. */
  readonly results: CopiedRun;
}
