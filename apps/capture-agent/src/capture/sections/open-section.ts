import { readSection, type SectionOrigin, sectionOf } from '@bpfleet/section';
import { crc32 } from '@node-rs/crc32';

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
export const END_RANGE = 2 ** 24;
export const STATE_BYTES = 4096;
/** Of its blocks (draft-ietf-opsawg-pcapng, 3.1). */
const PCAPNG_ALIGNMENT = 4;
/** Unix ms whose ns a signed 64-bit number holds. */
const LAST_MS = 9_223_372_036_854;
/** Positions that processes before left: a count, then socket, block and packets of each. Two banks, one is valid. */
const BANKS = [16, 256] as const;
const POSITION_WORDS = 3;
const MAX_POSITIONS = 79;
/**
 * What was told before the open section, by the parity of its number: a kill between two stores leaves one that is whole.
 * Behind the figures a CRC-32 of them and of what else `begin` says; of agents that made none, and before the first section, 0.
 */
const TOLD = [496, 500] as const;
const TOLD_CHECK = 3;

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
  /** In the file: where the number is that `commit` stores, and where `buffer` begins. For who writes there by himself. */
  static readonly commitAt = 8 * WORD.commit;
  static readonly bufferAt = STATE_BYTES;
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
    // That of the section in force last: until then it holds, and then there is none.
    for (const seq of [words[WORD.seq]! + 1, words[WORD.seq]!]) words[toldPlace(seq) + TOLD_CHECK] = 0;
    words[WORD.start] = 0;
    words[WORD.takenBefore] = 0;
    words[WORD.seq] = 0;
    words[WORD.aliveAtMs] = this.#readAtMs;
    this.leftOut({ dropped: 0, sampledOut: 0, overBudget: 0 });
    words.fill(0, TOLD[0]);
    words[WORD.epoch] = epoch;
    words[WORD.magic] = MAGIC;
  }

  begin(seq: number, endBytes: number, { kept, taken, dropped }: ToldFigures): void {
    const words = this.#words;
    const told = toldPlace(seq);
    // The same for all sections of a process: the check of the one that is in force holds meanwhile.
    words[WORD.start] = endBytes;
    words[told] = kept;
    words[told + 1] = taken;
    words[told + 2] = dropped;
    words[told + TOLD_CHECK] = this.#check(seq);
    // Before the number, so that a section never has packets of the one before.
    words[WORD.commit] = endBytes + packetsIn(words[WORD.commit]!) * END_RANGE;
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

  /** What a process before left; undefined when there was none. A disk may give back anything. */
  left(): LeftSection | UnreadableSection | undefined {
    const words = this.#words;
    // A new file: the magic is stored last.
    if (words[WORD.magic] === 0) return undefined;
    const [readAtMs, positions] = [this.#readAtMs, this.#positions()];
    if (words[WORD.magic] !== MAGIC || !this.#isWhole) return { isReadable: false, readAtMs, positions };
    const [epoch, seq] = [words[WORD.epoch]!, words[WORD.seq]!];
    const [start, commit] = [words[WORD.start]!, words[WORD.commit]!];
    const blocks = this.buffer.slice(start, Math.max(start, endIn(commit)));
    const told = this.#told(seq, blocks.length === 0);
    // Less than was told where a kill came before the packets of a block.
    const taken = words[WORD.takenBefore]! + packetsIn(commit);
    const [dropped, sampledOut, overBudget] = words.subarray(WORD.dropped, WORD.overBudget + 1);
    const figures = [Math.abs(taken), dropped!, sampledOut!, overBudget!];
    return {
      ...{ isReadable: true, epoch, seq, told, blocks, positions, readAtMs },
      taken: Number.isSafeInteger(taken) ? Math.max(told.taken, taken) : told.taken,
      leftOut: {
        dropped: Math.max(told.dropped, countOr0(dropped!)),
        sampledOut: countOr0(sampledOut!),
        overBudget: countOr0(overBudget!),
      },
      areFiguresDamaged: !figures.every(isCount) || words[WORD.aliveAtMs] !== readAtMs,
    };
  }

  /** 0: never, or nobody knows. */
  get #readAtMs(): number {
    const atMs = countOr0(this.#words[WORD.aliveAtMs]!);
    return atMs <= LAST_MS ? atMs : 0;
  }

  /** Whether number and place of the open section can be what was written. */
  get #isWhole(): boolean {
    const words = this.#words;
    const [epoch, seq] = [words[WORD.epoch]!, words[WORD.seq]!];
    const [start, commit] = [words[WORD.start]!, words[WORD.commit]!];
    if (epoch === 0 || ![epoch, seq, start, commit].every(isCount)) return false;
    const end = endIn(commit);
    const isPlace = (bytes: number): boolean => bytes % PCAPNG_ALIGNMENT === 0 && bytes <= this.buffer.length;
    // Nothing was committed yet, or not less than nothing.
    if (!isPlace(start) || !isPlace(end) || (end !== 0 && end < start)) return false;
    if (TOLD.some((place) => words[place + TOLD_CHECK] !== 0)) return this.#isChecked(seq);
    return words.subarray(toldPlace(seq), toldPlace(seq) + TOLD_CHECK).every(isCount);
  }

  #isChecked(seq: number): boolean {
    return this.#words[toldPlace(seq) + TOLD_CHECK] === this.#check(seq);
  }

  /** Of what `begin` wrote for that section. */
  #check(seq: number): number {
    const words = this.#words;
    const told = toldPlace(seq);
    const begun = [words[WORD.epoch]!, seq, words[WORD.start]!, ...words.subarray(told, told + TOLD_CHECK)];
    return crc32(new Uint8Array(Float64Array.from(begun).buffer));
  }

  /** An empty section may be the one behind `seq` by now. */
  #told(seq: number, isEmpty: boolean): ToldFigures {
    const place = toldPlace(isEmpty && this.#isChecked(seq + 1) ? seq + 1 : seq);
    const [kept, taken, dropped] = this.#words.subarray(place, place + TOLD_CHECK);
    return { kept: kept!, taken: taken!, dropped: dropped! };
  }

  /** The furthest of each socket. */
  #positions(): RingPosition[] {
    const words = this.#words;
    const commit = words[WORD.commit]!;
    const positions = new Map<number, RingPosition>();
    const add = (socket: number, blockSequence: number, packets: number): void => {
      if (socket === 0 || ![socket, blockSequence, packets].every(isCount)) return;
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
    add(words[WORD.socket]!, words[WORD.blockSequence]!, packetsIn(commit));
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
  readonly isReadable: true;
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
  /** Some were none: in their place is what was told before, or nothing. */
  readonly areFiguresDamaged: boolean;
}

/** Whose it was and where it ends is damaged: what follows the end are packets of sections before. */
export interface UnreadableSection extends Pick<LeftSection, 'readAtMs' | 'positions'> {
  readonly isReadable: false;
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
const isCount = (word: number): boolean => Number.isSafeInteger(word) && word >= 0;
const countOr0 = (word: number): number => (isCount(word) ? word : 0);
const endIn = (commit: number): number => commit % END_RANGE;
const packetsIn = (commit: number): number => Math.floor(commit / END_RANGE);
