import { readSection, type SectionOrigin, sectionOf } from '@bpfleet/section';

/** In the spool's folder. */
export const OPEN_SECTION_FILE = 'open-section';

/** Where a ring's reader stands: behind so many packets of the block with this sequence number. */
export interface RingPosition {
  readonly socket: number;
  readonly blockSequence: number;
  readonly packets: number;
}

/** Cumulative figures of an epoch, as the ledger of its last section has them. */
export interface ToldFigures {
  /** Packets in sections. */
  readonly kept: number;
  /** Packets read. */
  readonly taken: number;
  readonly dropped: number;
}
export const NOTHING_TOLD: ToldFigures = { kept: 0, taken: 0, dropped: 0 };

/** What the kernel and the filters left out in an epoch: as far as it was known when the process last looked. */
export interface LeftOut {
  /** By the kernel, which tells each drop once: nobody after this process hears of it again. */
  readonly dropped: number;
  /** Of each filter by itself: a packet of two of them may count twice, or be kept by the other. */
  readonly sampledOut: number;
  readonly overBudget: number;
}

/** What the process after this one has to know of the open section, whenever this one ends. */
export interface OpenSectionState {
  /** A section begins; what was in the buffer before is in the spool, and these figures are told. */
  begin(seq: number, endBytes: number, told: ToldFigures): void;
  /** The reader goes to another block; of one that it goes on with, so many packets are in sections already. */
  enter(socket: number, blockSequence: number, blockPackets: number, takenBefore: number): void;
  /** One more packet is dealt with. */
  commit(endBytes: number, blockPackets: number): void;
  /** As many packets of the block are dealt with as by `commit`, and the last of them is not counted as read. */
  leave(endBytes: number, blockPackets: number): void;
}

/** For sources that begin from the start anyway. */
export const noProgress: OpenSectionState = { begin: () => {}, enter: () => {}, commit: () => {}, leave: () => {} };

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
  sampledOut: 11,
  overBudget: 12,
} as const;
/** `commit` holds two numbers in the 53 bits of a float: a packet and its place are taken in one store, or not at all. */
const END_RANGE = 2 ** 24;
const STATE_BYTES = 4096;
/** Positions that processes before left: a count, then socket, block and packets of each. Two banks, one is valid. */
const BANKS = [16, 256] as const;
const POSITION_WORDS = 3;
const MAX_POSITIONS = 79;
/** What was told before the open section, by the parity of its number: a kill between two stores leaves one that is whole. */
const TOLD = [496, 500] as const;

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
    this.leftOut({ dropped: 0, sampledOut: 0, overBudget: 0 });
    words.fill(0, TOLD[0]);
    words[WORD.epoch] = epoch;
    words[WORD.magic] = MAGIC;
  }

  begin(seq: number, endBytes: number, { kept, taken, dropped }: ToldFigures): void {
    const words = this.#words;
    const told = toldPlace(seq);
    words[told] = kept;
    words[told + 1] = taken;
    words[told + 2] = dropped;
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
    // Nor may its number ever stand beside another socket: what that has before it would be given back unread.
    words[WORD.blockSequence] = 0;
    words[WORD.socket] = socket;
    words[WORD.blockSequence] = blockSequence;
    words[WORD.takenBefore] = takenBefore - blockPackets;
    words[WORD.commit] = end + blockPackets * END_RANGE;
  }

  commit(endBytes: number, blockPackets: number): void {
    this.#words[WORD.commit] = endBytes + blockPackets * END_RANGE;
  }

  leave(endBytes: number, blockPackets: number): void {
    this.#words[WORD.takenBefore]!--;
    this.commit(endBytes, blockPackets);
  }

  /** Every ring was read to its end. @param atMs when that began, Unix ms: what came before is in sections, or was let go */
  read(atMs: number): void {
    this.#words[WORD.aliveAtMs] = atMs;
  }

  leftOut({ dropped, sampledOut, overBudget }: LeftOut): void {
    const words = this.#words;
    words[WORD.dropped] = dropped;
    words[WORD.sampledOut] = sampledOut;
    words[WORD.overBudget] = overBudget;
  }

  /** What a process before left; undefined when there was none, or the file is another one's. */
  left(): LeftSection | undefined {
    const words = this.#words;
    if (words[WORD.magic] !== MAGIC) return undefined;
    const commit = words[WORD.commit]!;
    const [start, end] = [words[WORD.start]!, Math.min(endIn(commit), this.buffer.length)];
    const [epoch, seq] = [words[WORD.epoch]!, words[WORD.seq]!];
    const blocks = this.buffer.slice(start, Math.max(start, end));
    const told = this.#told(seq, blocks.length === 0);
    return {
      ...{ epoch, seq, told, blocks, positions: this.#positions() },
      taken: words[WORD.takenBefore]! + packetsIn(commit),
      readAtMs: words[WORD.aliveAtMs]!,
      leftOut: {
        dropped: Math.max(told.dropped, words[WORD.dropped]!),
        sampledOut: words[WORD.sampledOut]!,
        overBudget: words[WORD.overBudget]!,
      },
    };
  }

  /** An empty section may be the one behind `seq` by now, whose figures are higher. */
  #told(seq: number, isEmpty: boolean): ToldFigures {
    const at = (place: number): ToldFigures => {
      const [kept, taken, dropped] = this.#words.subarray(place, place + 3) as unknown as [number, number, number];
      return { kept, taken, dropped };
    };
    const [told, other] = [at(toldPlace(seq)), at(toldPlace(seq + 1))];
    return isEmpty && sum(other) > sum(told) ? other : told;
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
  /** When a process of this folder last read its rings to their ends, Unix ms; 0: never. */
  readonly readAtMs: number;
  readonly leftOut: LeftOut;
  /** By the section before. */
  readonly told: ToldFigures;
  readonly positions: readonly RingPosition[];
  /** pcapng blocks behind the section header that was never written. */
  readonly blocks: Uint8Array<ArrayBuffer>;
}

/**
 * The section that the ended process would have closed, without interface statistics; undefined when it has no packet.
 * @param ledgerWith by the number of its packets
 * @throws BpfleetError `SECTION_CORRUPT`
 */
export function completed(
  { blocks }: Pick<LeftSection, 'blocks'>,
  origin: SectionOrigin,
  ledgerWith: (packets: number) => Readonly<Record<string, string>>,
) {
  if (blocks.length === 0) return undefined;
  const section = readSection(sectionOf(origin, {}, blocks));
  if (section.packets === 0) return undefined;
  return { bytes: sectionOf(origin, ledgerWith(section.packets), blocks), section };
}

const toldPlace = (seq: number): number => TOLD[(seq % 2) as 0 | 1];
const sum = ({ kept, taken, dropped }: ToldFigures): number => kept + taken + dropped;
const endIn = (commit: number): number => commit % END_RANGE;
const packetsIn = (commit: number): number => Math.floor(commit / END_RANGE);
