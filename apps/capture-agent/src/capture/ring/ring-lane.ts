import type { BlockSource, PacketBlock } from '@bpfleet/linux';
import { ALWAYS } from '../attribution/attribution.js';
import type { RingPosition } from '../sections/open-section.js';
import type { CopiesRuns } from '../sections/run.js';
import type { LaneStatistics, ReadingPlace } from '../sections/section-lane.js';
import { InterfaceLanes } from './interface-lanes.js';

/** What a lane needs of a packet socket that was handed over. */
export interface LaneSocket {
  readonly fd: number;
  readonly ring: BlockSource;
  statistics(): LaneStatistics;
  takeError(): string | undefined;
  /** Copies from its ring; where there is none, packets are taken one by one. */
  readonly copier?: CopiesRuns | undefined;
  close(): void;
}

/** What a socket is, whatever runs on it. */
export interface LaneKind {
  readonly id: number;
  readonly isShared: boolean;
  /** Packets come without their link-layer header. */
  readonly cooked: boolean;
  /** What is in its ring is its one member's, by the kernel's word. */
  readonly isOwnSocket: boolean;
}

/**
 * One socket's ring as it is read: block by block, with the interfaces that its packets were seen on.
 *
 * A change (another program was attached) takes effect at a *cut*: at a block that the kernel opened after the change, or
 * at the open one while it is empty. `GRACE_MS` lie between, for packets that passed the old program on another processor.
 */
export class RingLane {
  readonly id: number;
  readonly cooked: boolean;
  readonly isOwnSocket: boolean;
  readonly place: ReadingPlace;
  readonly interfaces: InterfaceLanes;
  /** What waits for a cut, in order; each gets a cut of its own. */
  readonly #changes: { readonly readyAtMs: number; readonly carryOut: () => void }[] = [];
  /** So far: totals never go back. */
  #passed = 0;
  /** The first block behind the cut of the first change, once it is known. */
  #cut: number | undefined;

  constructor(
    { id, isShared, cooked, isOwnSocket }: LaneKind,
    readonly socket: LaneSocket,
    /** Where the reader before, which has ended, stood. */
    readonly resume?: RingPosition,
  ) {
    this.id = id;
    this.cooked = cooked;
    this.isOwnSocket = isOwnSocket;
    this.place = { socket: id, blockSequence: 0, packets: 0 };
    this.interfaces = new InterfaceLanes(isShared, this.place, () => this.statistics());
  }

  /**
   * Without packets that are another socket's. Of what is in the ring during a take-over nobody knows whose it is: it counts once
   * it is read.
   */
  statistics(): LaneStatistics {
    const { passed, dropped } = this.socket.statistics();
    const { taken, left, times } = this.interfaces;
    const isAlone = times.fromMs === ALWAYS.fromMs && times.untilMs === ALWAYS.untilMs;
    this.#passed = Math.max(this.#passed, taken + dropped, isAlone ? passed - left : 0);
    return { passed: this.#passed, dropped };
  }

  /** Carries something out between the last packet that may be older than now and the first one that is not. */
  atNextCut(nowMs: number, carryOut: () => void): void {
    this.#changes.push({ readyAtMs: nowMs + GRACE_MS, carryOut });
  }

  /** It has to be looked at again soon, whatever arrives. */
  get isChanging(): boolean {
    return this.#changes.length > 0;
  }

  /** The cursor of the block goes behind what is in sections already. */
  begin(block: PacketBlock): void {
    this.#crossBefore(block.sequence);
    const { place, resume } = this;
    place.blockSequence = block.sequence;
    place.packets = 0;
    if (resume === undefined || block.sequence > resume.blockSequence) return;
    const isWhole = block.sequence < resume.blockSequence;
    while ((isWhole || place.packets < resume.packets) && block.next()) place.packets++;
  }

  /** The ring was read to its end: finds the cut of the next change, and crosses it when nothing lies before it. */
  drained(nowMs: number): void {
    const { ring } = this.socket;
    for (;;) {
      const [next] = this.#changes;
      if (next === undefined || nowMs < next.readyAtMs) return;
      // Read before the count: a packet that arrives in between makes the cut later, never earlier.
      const open = ring.openSequence();
      this.#cut ??= ring.pendingPackets() === 0 ? open : open + 1;
      if (!this.#crossBefore(open)) return;
    }
  }

  /** It was read, and not to its end: finds the cut of the next change, behind all that the kernel has put into the ring by now. */
  left(nowMs: number): void {
    const [next] = this.#changes;
    if (next !== undefined && nowMs >= next.readyAtMs) this.#cut ??= this.socket.ring.newestSequence() + 1;
  }

  /** @returns whether a change was carried out */
  #crossBefore(sequence: number): boolean {
    if (this.#cut === undefined || sequence < this.#cut) return false;
    this.#cut = undefined;
    this.#changes.shift()!.carryOut();
    return true;
  }
}

/** Longer than any packet needs from its program's answer to the ring: a block's time (design: "Swap"). */
const GRACE_MS = 50;
