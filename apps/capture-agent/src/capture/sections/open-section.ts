import { readSection, type SectionOrigin, sectionOf } from '@bpfleet/section';

/** Where a ring's reader stands: behind so many packets of the block with this sequence number. */
export interface RingPosition {
  readonly socket: number;
  readonly blockSequence: number;
  readonly packets: number;
}

/** What the process after this one has to know of the open section, whenever this one ends. */
export interface OpenSectionState {
  /** A section begins; what was in the buffer before is in the spool. */
  begin(seq: number, endBytes: number): void;
  /** The reader goes to another block. */
  enter(socket: number, blockSequence: number, takenBefore: number): void;
  /** One more packet is dealt with. */
  commit(endBytes: number, blockPackets: number): void;
}

/** For sources that begin from the start anyway. */
export const noProgress: OpenSectionState = { begin: () => {}, enter: () => {}, commit: () => {} };

const MAGIC = 0xb9f1ee7;
const WORD = { magic: 0, epoch: 1, seq: 2, socket: 3, blockSequence: 4, takenBefore: 5, commit: 6, start: 7 } as const;
/** `commit` holds two numbers in the 53 bits of a float: a packet and its place are taken in one store, or not at all. */
const END_RANGE = 2 ** 24;
const STATE_BYTES = 4096;

/**
 * The open section in a mapped file: what is in it survives the process, kill -9 included. Blocks of a ring can go back to
 * the kernel as soon as they are copied here; the next process puts the section into the spool and goes on in the ring
 * behind its last packet.
 *
 * Only the block at hand has a position: any other is either given back or untouched.
 */
export class OpenSection implements OpenSectionState {
  readonly #words: Float64Array;
  /** For the `SectionWriter`. */
  readonly buffer: Uint8Array<ArrayBuffer>;

  /** @param memory of `sizeBytes` */
  constructor(memory: ArrayBuffer) {
    this.#words = new Float64Array(memory, 0, STATE_BYTES / 8);
    this.buffer = new Uint8Array(memory, STATE_BYTES);
  }

  static sizeBytes(capacityBytes: number): number {
    return STATE_BYTES + capacityBytes;
  }

  /** Forgets what was there: this process writes from here on. */
  take(epoch: number): void {
    const words = this.#words;
    words.fill(0);
    words[WORD.epoch] = epoch;
    words[WORD.magic] = MAGIC;
  }

  begin(seq: number, endBytes: number): void {
    const words = this.#words;
    // First, so that a section never has packets of the one before.
    words[WORD.commit] = endBytes + packetsIn(words[WORD.commit]!) * END_RANGE;
    words[WORD.start] = endBytes;
    words[WORD.seq] = seq;
  }

  enter(socket: number, blockSequence: number, takenBefore: number): void {
    const words = this.#words;
    // The block before was given back already: that it has no packets any more takes nothing twice.
    words[WORD.commit] = endIn(words[WORD.commit]!);
    words[WORD.socket] = socket;
    words[WORD.blockSequence] = blockSequence;
    words[WORD.takenBefore] = takenBefore;
  }

  commit(endBytes: number, blockPackets: number): void {
    this.#words[WORD.commit] = endBytes + blockPackets * END_RANGE;
  }

  /** What a process before left; undefined when there was none, or the file is another one's. */
  left(): LeftSection | undefined {
    const words = this.#words;
    const [commit, start] = [words[WORD.commit]!, words[WORD.start]!];
    const end = endIn(commit);
    if (words[WORD.magic] !== MAGIC || !(start >= 0 && start <= end && end <= this.buffer.length)) return undefined;
    return {
      epoch: words[WORD.epoch]!,
      seq: words[WORD.seq]!,
      taken: words[WORD.takenBefore]! + packetsIn(commit),
      position: { socket: words[WORD.socket]!, blockSequence: words[WORD.blockSequence]!, packets: packetsIn(commit) },
      blocks: this.buffer.slice(start, end),
    };
  }
}

/** An open section whose process has ended. */
export interface LeftSection {
  readonly epoch: number;
  readonly seq: number;
  /** Packets read from all rings in that epoch. */
  readonly taken: number;
  readonly position: RingPosition;
  /** pcapng blocks behind the section header that was never written. */
  readonly blocks: Uint8Array<ArrayBuffer>;
}

/**
 * The section that the ended process would have closed, without interface statistics; undefined when it has no packet.
 * @throws BpfleetError `SECTION_CORRUPT`
 */
export function completed(left: LeftSection, origin: SectionOrigin, ledger: Readonly<Record<string, string>>) {
  if (left.blocks.length === 0) return undefined;
  const bytes = sectionOf(origin, ledger, left.blocks);
  const section = readSection(bytes);
  return section.packets === 0 ? undefined : { bytes, section };
}

const endIn = (commit: number): number => commit % END_RANGE;
const packetsIn = (commit: number): number => Math.floor(commit / END_RANGE);
