import { BPF, encodeProgram, type Instruction } from '@bpfleet/bpf';
import { PollSet, type WakeUp } from '@bpfleet/linux';
import { BlockPacket } from './block-packet.js';
import type { CaptureTarget, TargetState } from './packet-source.js';
import { RingLane, refusal } from './ring-lane.js';
import type { SectionAssembler } from './section-assembler.js';

const REJECT_ALL: Instruction = { code: BPF.RET | BPF.K, jt: 0, jf: 0, k: 0 };

/**
 * Walks the rings of all targets and fills sections. Runs in a thread of its own: `turn` blocks in poll(2) until a ring
 * has a block, the flush window is over or an order came.
 */
export class RingLoop {
  readonly #lanes = new Map<string, RingLane>();
  /** Counters of sockets that are closed: totals never go back. */
  readonly #closed = { passed: 0, dropped: 0 };
  readonly #refused = new Map<string, TargetState>();
  readonly #packet = new BlockPacket();
  #polled: RingLane[] = [];
  #poll: PollSet;

  constructor(
    private readonly assembler: SectionAssembler,
    private readonly wakeUp: WakeUp,
    private readonly ringBudgetBytes: number,
    private readonly nowMs: () => number,
  ) {
    this.#poll = new PollSet([wakeUp.fd]);
    assembler.kernelTotals = () => this.#kernelTotals();
  }

  /** Waits at most `timeoutMs`, then drains every ring. */
  turn(timeoutMs: number): void {
    this.#poll.wait(timeoutMs);
    if (this.#poll.isReadable(0)) this.wakeUp.clear();
    for (const [index, lane] of this.#polled.entries()) {
      // Read, or poll would report it again at once. What it means (down, or gone) shows in the interfaces' own state.
      if (this.#poll.isFaulty(index + 1)) lane.socket.takeError();
      this.#drain(lane);
    }
    this.assembler.closeIfDue(this.nowMs());
  }

  #pollAll(): void {
    this.#polled = [...this.#lanes.values()];
    this.#poll = new PollSet([this.wakeUp.fd, ...this.#polled.map((lane) => lane.socket.fd)]);
  }

  #drain(lane: RingLane): void {
    const { ring } = lane.socket;
    const nowMs = this.nowMs();
    for (let block = ring.take(); block !== undefined; block = ring.take()) {
      this.#packet.block = block;
      while (block.next()) this.assembler.append(lane, this.#packet, nowMs);
      ring.release();
      // Blocks that were complete at the swap were drained by `#swap`: this one was open then, the next ones are new.
      if (lane.next) this.#takeOver(lane);
    }
  }

  /**
   * Swaps the program. What the ring holds by then was let through by the old one. The block that is open may hold
   * packets of both, so it still counts as the old version's; when it is empty, the new version begins at once.
   */
  #swap(lane: RingLane, target: CaptureTarget): void {
    if (lane.next) this.#takeOver(lane);
    lane.socket.attach(target.program);
    this.#drain(lane);
    lane.next = target;
    if (lane.socket.ring.pendingPackets() === 0) this.#takeOver(lane);
  }

  #takeOver(lane: RingLane): void {
    if (lane.next) this.assembler.relabel(lane, lane.next);
    lane.next = undefined;
  }

  /** Makes exactly these targets run: new ones open, changed ones swap their program, the rest close. */
  apply(targets: readonly CaptureTarget[], flushWindowMs: number): TargetState[] {
    this.assembler.flushWindowMs = flushWindowMs;
    this.#refused.clear();
    const wanted = new Map(targets.map((target) => [target.key, target]));
    for (const [key, lane] of this.#lanes) {
      // A new interface of the same name is another interface.
      const target = wanted.get(key);
      if (target === undefined || target.interface.index !== lane.target.interface.index) this.#close(key, lane);
    }
    const ringBytes = Math.floor(this.ringBudgetBytes / Math.max(wanted.size, 1));
    for (const target of wanted.values()) this.#run(target, ringBytes);
    this.#pollAll();
    return this.report();
  }

  #run(target: CaptureTarget, ringBytes: number): void {
    const lane = this.#lanes.get(target.key);
    if (lane && sameProgram(lane.attached, target)) return;
    try {
      if (lane) this.#swap(lane, target);
      else this.#lanes.set(target.key, RingLane.open(target, ringBytes));
    } catch (error) {
      // The previous version, if any, keeps running: its own state says so.
      this.#refused.set(target.key, refusal(target, error));
    }
  }

  report(): TargetState[] {
    const states: TargetState[] = [];
    for (const lane of this.#lanes.values()) {
      if (this.#refused.has(lane.target.key)) continue;
      states.push(this.#stateOf(lane));
    }
    return [...states, ...this.#refused.values()];
  }

  #stateOf(lane: RingLane): TargetState {
    try {
      return lane.state();
    } catch (error) {
      return refusal(lane.target, error);
    }
  }

  #kernelTotals(): { passed: number; dropped: number } {
    const totals = { ...this.#closed };
    for (const lane of this.#lanes.values()) {
      const { passed, dropped } = lane.socket.statistics();
      totals.passed += passed;
      totals.dropped += dropped;
    }
    return totals;
  }

  /** What the ring holds by now is still stored. An interface that is gone takes no program, and needs none. */
  #close(key: string, lane: RingLane): void {
    lane.socket.attach(encodeProgram([REJECT_ALL]));
    this.#drain(lane);
    const { passed, dropped } = lane.socket.statistics();
    this.#closed.passed += passed;
    this.#closed.dropped += dropped;
    this.#lanes.delete(key);
    lane.socket.close();
  }

  /** Drains and closes everything; the last section is emitted. */
  stop(): void {
    for (const [key, lane] of this.#lanes) this.#close(key, lane);
    this.#pollAll();
    this.assembler.close();
  }
}

function sameProgram(a: CaptureTarget, b: CaptureTarget): boolean {
  return a.digest === b.digest && a.version === b.version && Buffer.compare(a.program, b.program) === 0;
}
