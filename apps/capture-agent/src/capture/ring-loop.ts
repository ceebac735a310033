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
      this.#relabelIfDue(lane, nowMs);
      this.#packet.block = block;
      while (block.next()) this.assembler.append(lane, this.#packet, nowMs);
      ring.release();
    }
    this.#relabelIfDue(lane, nowMs);
  }

  #relabelIfDue(lane: RingLane, nowMs: number): void {
    if (lane.next === undefined || nowMs < lane.next.fromMs) return;
    this.assembler.relabel(lane, lane.next.target);
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
    const running = lane?.next?.target ?? lane?.target;
    if (running && sameProgram(running, target)) return;
    try {
      if (lane) lane.replace(target, this.nowMs());
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
    this.assembler.setKernelTotals(this.#kernelTotals());
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
    this.assembler.setKernelTotals(this.#kernelTotals());
    this.assembler.close();
  }
}

function sameProgram(a: CaptureTarget, b: CaptureTarget): boolean {
  return a.digest === b.digest && a.version === b.version && Buffer.compare(a.program, b.program) === 0;
}
