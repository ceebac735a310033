import { readSection, type SectionOrigin, sectionOf } from '@bpfleet/section';

/** In the spool's folder. */
export const OPEN_SECTION_FILE = 'open-section';

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
  /** The reader goes to another block; of one that it goes on with, so many packets are in sections already. */
  enter(socket: number, blockSequence: number, blockPackets: number, takenBefore: number): void;
  /** One more packet is dealt with. */
  commit(endBytes: number, blockPackets: number): void;
}

/** For sources that begin from the start anyway. */
export const noProgress: OpenSectionState = { begin: () => {}, enter: () => {}, commit: () => {} };

const MAGIC = 0xb9f1ee7;
const WORD = {
  magic: 0,
  epoch: 1,
  seq: 2,
  socket: 3,
  blockSequence: 4,
  takenBefore: 5,
  commit: 6,
  start: 7,
  bank: 8,
  aliveAtMs: 9,
  dropped: 10,
} as const;
/** `commit` holds two numbers in the 53 bits of a float: a packet and its place are taken in one store, or not at all. */
const END_RANGE = 2 ** 24;
const STATE_BYTES = 4096;
/** Positions that processes before left: a count, then socket, block and packets of each. Two banks, one is valid. */
const BANKS = [16, 256] as const;
const POSITION_WORDS = 3;
const MAX_POSITIONS = 79;

/**
 * The open section in a mapped file: what is in it survives the process, kill -9 included. Blocks of a ring can go back to
 * the kernel as soon as they are copied here; the next process puts the section into the spool and goes on in the ring
 * behind its last packet.
 *
 * Only the block at hand has a position: any other of this process is either given back or untouched. Positions of processes
 * before stay, since this one may end before it comes to those blocks.
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

  /** This process writes from here on. What `left` told is safe by now; only positions are kept. */
  take(epoch: number): void {
    const words = this.#words;
    if (words[WORD.magic] !== MAGIC) words.fill(0);
    else this.#keepPositions(this.#positions());
    words[WORD.commit] = 0;
    words[WORD.start] = 0;
    words[WORD.takenBefore] = 0;
    words[WORD.seq] = 0;
    words[WORD.dropped] = 0;
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

  enter(socket: number, blockSequence: number, blockPackets: number, takenBefore: number): void {
    const words = this.#words;
    const end = endIn(words[WORD.commit]!);
    // The block before was given back already: that it has no packets any more takes nothing twice.
    words[WORD.commit] = end;
    words[WORD.socket] = socket;
    words[WORD.blockSequence] = blockSequence;
    words[WORD.takenBefore] = takenBefore - blockPackets;
    words[WORD.commit] = end + blockPackets * END_RANGE;
  }

  commit(endBytes: number, blockPackets: number): void {
    this.#words[WORD.commit] = endBytes + blockPackets * END_RANGE;
  }

  /**
   * The process lives, and reads its rings.
   * @param nowMs Unix ms
   * @param dropped by the kernel in this epoch: it tells each drop once, so nobody after this process hears of it again
   */
  alive(nowMs: number, dropped: number): void {
    this.#words[WORD.aliveAtMs] = nowMs;
    this.#words[WORD.dropped] = dropped;
  }

  /** What a process before left; undefined when there was none, or the file is another one's. */
  left(): LeftSection | undefined {
    const words = this.#words;
    if (words[WORD.magic] !== MAGIC) return undefined;
    const commit = words[WORD.commit]!;
    const [start, end] = [words[WORD.start]!, Math.min(endIn(commit), this.buffer.length)];
    return {
      epoch: words[WORD.epoch]!,
      seq: words[WORD.seq]!,
      taken: words[WORD.takenBefore]! + packetsIn(commit),
      aliveAtMs: words[WORD.aliveAtMs]!,
      dropped: words[WORD.dropped]!,
      positions: this.#positions(),
      blocks: this.buffer.slice(start, Math.max(start, end)),
    };
  }

  /** The furthest of each socket. */
  #positions(): RingPosition[] {
    const words = this.#words;
    const commit = words[WORD.commit]!;
    const positions = new Map<number, RingPosition>();
    const add = (socket: number, blockSequence: number, packets: number): void => {
      const known = positions.get(socket);
      const isFurther =
        known === undefined ||
        blockSequence > known.blockSequence ||
        (blockSequence === known.blockSequence && packets > known.packets);
      if (isFurther) positions.set(socket, { socket, blockSequence, packets });
    };
    const bank = BANKS[words[WORD.bank]! as 0 | 1] ?? BANKS[0];
    const count = Math.min(words[bank]!, MAX_POSITIONS);
    for (let index = 0; index < count; index++) {
      const at = bank + 1 + index * POSITION_WORDS;
      add(words[at]!, words[at + 1]!, words[at + 2]!);
    }
    if (words[WORD.socket] !== 0) add(words[WORD.socket]!, words[WORD.blockSequence]!, packetsIn(commit));
    return [...positions.values()];
  }

  #keepPositions(positions: readonly RingPosition[]): void {
    const words = this.#words;
    const other = words[WORD.bank] === 0 ? 1 : 0;
    const kept = positions.slice(-MAX_POSITIONS);
    for (const [index, { socket, blockSequence, packets }] of kept.entries()) {
      words.set([socket, blockSequence, packets], BANKS[other] + 1 + index * POSITION_WORDS);
    }
    words[BANKS[other]] = kept.length;
    words[WORD.bank] = other;
    words[WORD.socket] = 0;
  }
}

/** An open section whose process has ended. */
export interface LeftSection {
  readonly epoch: number;
  readonly seq: number;
  /** Packets read from all rings in that epoch. */
  readonly taken: number;
  /** When it was last seen alive, Unix ms. */
  readonly aliveAtMs: number;
  /** Packets that the kernel dropped in that epoch, as far as it had told by then. */
  readonly dropped: number;
  readonly positions: readonly RingPosition[];
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
