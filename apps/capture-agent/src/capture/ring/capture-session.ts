import {
  type CaptureBranch,
  type CaptureSocket,
  type SocketInterface,
  type SocketSwap,
  TAKEN_OVER,
} from '../../border/opener-port.js';
import { collectGarbage } from '../../guest/collect-garbage.js';
import { ALWAYS, Attribution } from '../attribution/attribution.js';
import { MemberLedger } from '../attribution/member-ledger.js';
import type { LeftOut, RingPosition } from '../sections/open-section.js';
import type { SectionAssembler } from '../sections/section-assembler.js';
import {
  type CaptureCounters,
  type CaptureNews,
  type CaptureOrder,
  noneEnded,
  type SocketCounts,
} from './capture-messages.js';
import type { KeptTimes } from './kept-times.js';
import { type LaneSocket, RingLane } from './ring-lane.js';
import type { RingReader } from './ring-reader.js';

/** Until then the kernel stamps each packet once for all sockets (`RingSocketOptions.arrivalTime`), which takes a moment to begin. */
const TAKE_OVER_MS = 50;
/**
 * So long after the cut both let pass: a packet stamped before it may wait in the backlog of a host that is short of
 * processors, and comes to both. Once the ones before end, stamps say no more whose it is.
 */
const LATE_MS = 500;
/** So long after the first of the sockets that there were the last one has come, also where no state is carried out. */
const TOLD_MS = 5000;
/** There may be thousands of versions. */
const LEFT_OUT_MS = 1000;
const NS_PER_MS = 1_000_000n;
/** So long what is left in the rings is read at the end: of each, while more comes, a block at least. */
const STOP_MS = 2000;

/** What the capture thread does: it carries out the orders of the main thread between two turns of the reader. */
export class CaptureSession {
  readonly #ledger = new MemberLedger();
  /** Of swaps that wait for their cut. */
  readonly #awaited = new Set<Attribution>();
  /** Sockets that are closed: totals never go back. */
  readonly #ended = noneEnded();
  #readsAll = false;
  #firstAtMs = Number.POSITIVE_INFINITY;
  #leftOut: LeftOut = { dropped: 0, sampledOut: 0, overBudget: 0 };
  #leftOutAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly reader: RingReader,
    private readonly assembler: SectionAssembler,
    private readonly openSocket: (socket: CaptureSocket, fd: number, resume: RingPosition | undefined) => LaneSocket,
    private readonly tell: (news: CaptureNews) => void,
    private readonly nowMs: () => number,
    private readonly keptTimes: KeptTimes,
    /** Of the host, as packets are stamped. */
    private readonly wallClockMs: () => number = Date.now,
  ) {
    reader.betweenBlocks = (now) => this.#turnBudgets(now);
  }

  /** @returns false after `stop` */
  carryOut(order: Exclude<CaptureOrder, { kind: 'spool' }>): boolean {
    switch (order.kind) {
      case 'socket':
        this.#open(order.socket, order.fd, order.resume);
        break;
      case 'swap':
        this.#swap(order.socket, order.swap);
        break;
      case 'draining':
        this.#drain(order.socket);
        break;
      case 'settings':
        this.assembler.flushWindowMs = order.flushWindowMs;
        // Behind the sockets of the state that was carried out: those that the process before left too.
        this.#readsAll = true;
        this.keptTimes.forgetAllBut(this.reader.lanes);
        break;
      case 'throttle':
        this.#ledger.throttle(order.step);
        this.reader.isPaused = order.step === 'paused';
        break;
      case 'collect':
        this.#ledger.forgetSets();
        collectGarbage();
        break;
      case 'counters':
        this.tell({ kind: 'counters', id: order.id, counters: this.#counters() });
        break;
      case 'stop':
        this.tell({ kind: 'stopped', id: order.id, counters: this.#stop() });
        return false;
    }
    return true;
  }

  /** Kernel counters of all sockets there were. */
  kernelTotals(): { passed: number; dropped: number } {
    const totals = { passed: this.#ended.passed, dropped: this.#ended.dropped };
    for (const lane of this.reader.lanes.values()) {
      const { passed, dropped } = lane.statistics();
      totals.passed += passed;
      totals.dropped += dropped;
    }
    return totals;
  }

  /** Whether a turn reads every ring that has packets for this agent: not before all sockets that there were are known. */
  get readsAll(): boolean {
    return this.#readsAll || this.nowMs() - this.#firstAtMs >= TOLD_MS;
  }

  leftOutByFilters(): Omit<LeftOut, 'dropped'> {
    return this.#ledger.leftOut();
  }

  /** For the process after this one, after each turn; of filters as of some moment within the last second. */
  leftOut(): LeftOut {
    const { dropped } = this.kernelTotals();
    const nowMs = this.nowMs();
    if (nowMs - this.#leftOutAtMs < LEFT_OUT_MS) return { ...this.#leftOut, dropped };
    this.#leftOutAtMs = nowMs;
    this.#leftOut = { ...this.leftOutByFilters(), dropped };
    return this.#leftOut;
  }

  /** Between turns too: a budget's second ends without a packet. */
  tick(): void {
    this.#turnBudgets(this.nowMs());
  }

  #open(socket: CaptureSocket, fd: number, resume: RingPosition | undefined): void {
    const { id, isShared, branches, isOwnSocket } = socket;
    const { cooked } = branches[0]!.interfaces[0]!;
    const lane = new RingLane({ id, isShared, cooked, isOwnSocket }, this.openSocket(socket, fd, resume), resume);
    for (const [device, attribution] of this.#attributions(lane, branches)) lane.interfaces.put(device, attribution);
    this.#firstAtMs = Math.min(this.#firstAtMs, this.nowMs());
    this.reader.add(lane);
    this.#settled();
    if (socket.swap) this.#swap(socket.id, socket.swap);
    // As the process before had it.
    lane.interfaces.end(this.keptTimes.of(socket.id).untilMs);
    if (socket.takesOver) this.#takeOver(lane, socket.takesOver);
  }

  /** Both pass the same packets by now: those from a moment on are of the new one, and those before it of the others. */
  #takeOver(lane: RingLane, from: readonly number[]): void {
    const others = from.flatMap((id) => this.reader.lanes.get(id) ?? []);
    const cutAtMs = this.#cutBetween(lane, others);
    for (const other of others) {
      other.interfaces.end(cutAtMs);
      this.#keepTimes(other);
    }
    const { interfaces } = lane;
    // Nobody else has packets of what is new.
    const isHad = (device: SocketInterface) => others.some((other) => other.interfaces.has(device));
    const had = interfaces.all.map(({ device }) => device).filter((device) => isHad(device) || others.length === 0);
    interfaces.takeOver(cutAtMs, had);
    this.#keepTimes(lane);
    lane.atNextCut(this.nowMs() + TAKE_OVER_MS + LATE_MS, () => {
      interfaces.hasTakenOver();
      this.#keepTimes(lane);
      this.tell({ kind: 'cut', socket: lane.id, swap: TAKEN_OVER });
    });
  }

  /** @returns Unix ms; the first of a socket's times where there is nobody to cut from */
  #cutBetween({ id }: RingLane, others: readonly RingLane[]): number {
    const kept = this.keptTimes.of(id).fromMs;
    if (kept !== ALWAYS.fromMs || others.length === 0) return kept;
    const times = others.map(({ interfaces }) => interfaces.times);
    // Several may take over from one, all at the same time: they let pass before the first of them was announced.
    const chosen = times.map(({ untilMs }) => untilMs).find(Number.isFinite);
    return chosen ?? Math.max(this.wallClockMs() + TAKE_OVER_MS, ...times.map(({ fromMs }) => fromMs));
  }

  #keepTimes({ id, interfaces }: RingLane): void {
    if (!this.keptTimes.keep(id, interfaces.times)) this.tell({ kind: 'unkept', socket: id });
  }

  #swap(id: number, swap: SocketSwap): void {
    const lane = this.reader.lanes.get(id);
    if (lane === undefined) return;
    const { interfaces } = lane;
    const next = this.#attributions(lane, swap.branches);
    // Nobody had filters on what is new: the union is its own, and there is nothing to wait for.
    for (const [device, attribution] of next) if (!interfaces.has(device)) interfaces.put(device, attribution);
    // By a process before: what is left in the ring passed the next members.
    if (this.keptTimes.isCut(id, swap.id)) {
      this.#goOver(lane, swap, next);
      return;
    }
    for (const attribution of next.values()) this.#awaited.add(attribution);
    lane.atNextCut(this.nowMs(), () => {
      if (!this.keptTimes.keepCut(id, swap.id)) this.tell({ kind: 'unkept', socket: id });
      this.#goOver(lane, swap, next);
    });
  }

  #goOver(
    { id, interfaces }: RingLane,
    { id: swap, branches }: SocketSwap,
    next: ReadonlyMap<SocketInterface, Attribution>,
  ): void {
    const staying = new Set(branches.flatMap((branch) => branch.interfaces.map(({ index }) => index)));
    const leaving = interfaces.all.filter(({ device }) => !staying.has(device.index));
    for (const one of leaving) interfaces.remove(one);
    for (const [device, attribution] of next) {
      interfaces.put(device, attribution);
      this.#awaited.delete(attribution);
    }
    this.#settled();
    this.tell({ kind: 'cut', socket: id, swap });
  }

  #drain(id: number): void {
    const lane = this.reader.lanes.get(id);
    lane?.atNextCut(this.nowMs(), () => this.#close(lane));
  }

  #close(lane: RingLane): void {
    // Its packets are safe before the opener may close the socket, and with it the ring.
    this.assembler.close();
    const { dropped } = lane.statistics();
    this.#ended.sockets++;
    // Read to its end: whatever the kernel counted, none is left in it.
    this.#ended.passed += lane.interfaces.taken + dropped;
    this.#ended.dropped += dropped;
    this.#ended.taken += lane.interfaces.taken;
    this.reader.remove(lane);
    lane.socket.close();
    this.keptTimes.forget(lane.id);
    this.#settled();
    this.tell({ kind: 'drained', socket: lane.id });
  }

  /** Members came, or ended: on all sockets together. */
  #settled(): void {
    const lanes = [...this.reader.lanes.values()].flatMap(({ interfaces }) => interfaces.all);
    const all = [...lanes.map(({ attribution }) => attribution), ...this.#awaited];
    this.#ledger.runs(all.flatMap(({ members }) => members));
  }

  /** The sockets live on at the opener, their programs too; only what was read must be safe. */
  #stop(): CaptureCounters {
    const untilMs = this.nowMs() + STOP_MS;
    for (const lane of this.reader.lanes.values()) this.reader.drain(lane, untilMs);
    this.assembler.conclude(BigInt(this.wallClockMs()) * NS_PER_MS);
    const counters = this.#counters();
    for (const lane of [...this.reader.lanes.values()]) {
      this.reader.remove(lane);
      lane.socket.close();
    }
    return counters;
  }

  /** For the interfaces whose filters are others than now. */
  #attributions({ interfaces, isOwnSocket }: RingLane, branches: readonly CaptureBranch[]) {
    const made = new Map<SocketInterface, Attribution>();
    for (const { interfaces: devices, members } of branches) {
      for (const device of devices) {
        if (interfaces.find(device)?.attribution.isOf(members)) continue;
        const attribution = new Attribution(members, this.#ledger.accountsOn(device.name));
        attribution.trustsKernel = isOwnSocket;
        made.set(device, attribution);
      }
    }
    return made;
  }

  #turnBudgets(nowMs: number): void {
    for (const { filter, step } of this.#ledger.turn(nowMs)) this.tell({ kind: 'step', filter, step });
  }

  #counters(): CaptureCounters {
    const sockets: SocketCounts[] = [...this.reader.lanes.values()].map((lane) => ({
      socket: lane.id,
      interfaces: lane.interfaces.all.map(({ device }) => device.name),
      ...lane.statistics(),
      taken: lane.interfaces.taken,
    }));
    return { taken: this.assembler.taken, sockets, ended: { ...this.#ended }, versions: this.#ledger.versions() };
  }
}
