import { type PacketBlock, PollSet, type WakeUp } from '@bpfleet/linux';
import type { MemberSet } from '../attribution/member-set.js';
import type { ReadPacket } from '../attribution/read-packet.js';
import type { CopiesRuns, Run } from '../sections/run.js';
import type { SectionAssembler } from '../sections/section-assembler.js';
import { CookedPacket } from './cooked-packet.js';
import type { InterfaceLane } from './interface-lane.js';
import type { RingLane } from './ring-lane.js';
import { RingPacket } from './ring-packet.js';

/** How often a lane that is changing is looked at. */
const CHANGING_MS = 10;
/**
 * So long a ring is read at a time: one that fills as fast as it is read keeps neither the others nor orders waiting. It takes as
 * long to reach what is in it as other rings have to be read.
 */
const LANE_MS = 20;

/**
 * Reads the rings of all lanes into sections. `turn` blocks in poll(2) until a ring has a block, the flush window is
 * over, or an order came.
 */
export class RingReader {
  readonly #lanes = new Map<number, RingLane>();
  readonly #packet = new RingPacket();
  readonly #cooked = new CookedPacket(this.#packet);
  /** Empty between two blocks. */
  readonly #run: Run = { packet: 0, packets: 0, skipsOutgoing: false };
  #polled: RingLane[] = [];
  #poll: PollSet;
  /** Of `wakeUp` alone. */
  readonly #pausedPoll: PollSet;
  #isBehind = false;
  /**
   * Nothing is kept, so nothing is read: what does not fit a ring is dropped, and counted, by the kernel, which costs next to nothing.
   * Lanes that are changing are read all the same.
   */
  isPaused = false;
  /** Called once per block: between packets, and often enough for what is counted per second. */
  betweenBlocks: (nowMs: number) => void = () => {};

  constructor(
    private readonly assembler: SectionAssembler,
    private readonly wakeUp: WakeUp,
    private readonly nowMs: () => number,
  ) {
    this.#pausedPoll = new PollSet([wakeUp.fd]);
    this.#poll = this.#pausedPoll;
  }

  get lanes(): ReadonlyMap<number, RingLane> {
    return this.#lanes;
  }

  add(lane: RingLane): void {
    this.#lanes.set(lane.id, lane);
    this.#pollAll();
  }

  /** What was read of it is in sections, or will be; its ring is not looked at any more. */
  remove(lane: RingLane): void {
    if (this.#lanes.get(lane.id) !== lane) return;
    this.#lanes.delete(lane.id);
    this.#pollAll();
  }

  /**
   * Waits at most `timeoutMs`, then reads every ring: to its end, or for `LANE_MS`.
   * @returns whether all were read to their ends
   */
  turn(timeoutMs: number): boolean {
    // Lanes may come and go while they are read.
    const [poll, polled, isPaused] = [this.#poll, this.#polled, this.isPaused];
    const waited = isPaused ? this.#pausedPoll : poll;
    waited.wait(this.#waitMs(timeoutMs));
    if (waited.isReadable(0)) this.wakeUp.clear();
    this.#isBehind = false;
    for (const [index, lane] of polled.entries()) {
      if (this.#lanes.get(lane.id) !== lane) continue;
      // Read, or poll would report it again at once. What it means shows elsewhere: the opener
      // reads which interfaces are down, and which sockets are bound to none any more.
      if (!isPaused && poll.isFaulty(index + 1)) lane.socket.takeError();
      if (isPaused && !lane.isChanging) continue;
      if (!this.drain(lane, this.nowMs() + LANE_MS)) this.#isBehind = true;
    }
    this.assembler.closeIfDue(this.nowMs());
    return !this.#isBehind && !isPaused;
  }

  #waitMs(atMostMs: number): number {
    if (this.#isBehind) return 0;
    const dueAtMs = this.assembler.dueAtMs;
    const untilDueMs = dueAtMs === undefined ? atMostMs : Math.max(0, dueAtMs - this.nowMs());
    const isChanging = this.#polled.some((lane) => lane.isChanging);
    return Math.ceil(Math.min(atMostMs, untilDueMs, isChanging ? CHANGING_MS : atMostMs));
  }

  /**
   * @param untilMs after the block that is at hand then, the rest is left for later
   * @returns whether it was read to its end
   */
  drain(lane: RingLane, untilMs = Number.POSITIVE_INFINITY): boolean {
    const { ring } = lane.socket;
    for (let block = ring.take(); block !== undefined; block = ring.take()) {
      const nowMs = this.nowMs();
      lane.begin(block);
      this.assembler.enter(lane.place);
      const packet = this.#packet;
      packet.block = block;
      if (lane.interfaces.isShared || lane.cooked) this.#readEach(lane, block, nowMs);
      else this.#readOnly(lane.interfaces.only, block, lane.socket.copier, nowMs);
      ring.release();
      this.assembler.closeIfDue(nowMs);
      this.betweenBlocks(nowMs);
      if (nowMs >= untilMs) {
        lane.left(nowMs);
        return false;
      }
    }
    lane.drained(this.nowMs());
    return true;
  }

  #readOnly(lane: InterfaceLane, block: PacketBlock, copier: CopiesRuns | undefined, nowMs: number): void {
    const { attribution } = lane;
    const set = attribution.theOne;
    if (copier === undefined || attribution.times !== undefined) {
      while (block.next()) this.#take(lane, this.#packet, nowMs);
    } else if (set) this.#readRuns(lane, set, block, copier, nowMs);
    else this.#readPlanned(lane, block, copier, nowMs);
  }

  /** Packets of any members: of each is decided what becomes of it, then many are copied at once. */
  #readPlanned(lane: InterfaceLane, block: PacketBlock, copier: CopiesRuns, nowMs: number): void {
    const packet = this.#packet;
    const { attribution } = lane;
    copier.plan.skipsOutgoing = block.skipsOutgoing;
    while (block.next()) {
      const set = attribution.attribute(packet);
      if (set.isEmpty || attribution.isUndecided || block.vlanPresent) {
        this.assembler.takePlanned(lane, copier);
        this.assembler.take(lane, packet, set, attribution.isUndecided, nowMs);
      } else this.assembler.plan(lane, packet, block.offset, set, copier, nowMs);
    }
    this.assembler.takePlanned(lane, copier);
  }

  /** Packets of the one member that there is, as many at once as follow each other. What is special about others is not for a run. */
  #readRuns(lane: InterfaceLane, set: MemberSet, block: PacketBlock, copier: CopiesRuns, nowMs: number): void {
    const packet = this.#packet;
    const run = this.#run;
    run.skipsOutgoing = block.skipsOutgoing;
    while (block.next()) {
      if (!block.vlanPresent && lane.attribution.accepts(packet)) {
        if (run.packets === 0) run.packet = block.offset;
        run.packets++;
        continue;
      }
      if (run.packets > 0) this.assembler.takeRun(lane, run, set, copier, nowMs);
      this.#take(lane, packet, nowMs);
    }
    if (run.packets > 0) this.assembler.takeRun(lane, run, set, copier, nowMs);
  }

  #take(lane: InterfaceLane, packet: ReadPacket, nowMs: number): void {
    const { attribution } = lane;
    const set = attribution.attribute(packet);
    this.assembler.take(lane, packet, set, attribution.isUndecided, nowMs);
  }

  /** By the interface that each packet tells, and cooked ones with the header that the kernel left out. */
  #readEach({ interfaces, cooked: isCooked }: RingLane, block: PacketBlock, nowMs: number): void {
    const packet = isCooked ? this.#cooked : this.#packet;
    while (block.next()) {
      if (isCooked) this.#cooked.take();
      const lane = interfaces.isShared ? interfaces.of(block.interfaceIndex) : interfaces.only;
      this.#take(lane, packet, nowMs);
    }
  }

  #pollAll(): void {
    this.#polled = [...this.#lanes.values()];
    this.#poll = new PollSet([this.wakeUp.fd, ...this.#polled.map((lane) => lane.socket.fd)]);
  }
}
