import { BpfleetError } from '@bpfleet/errors';
import type { FilterOutcome } from '../border/opener-port.js';
import { HeldSocket, type HeldSocketParts } from './held-socket.js';
import { reasonOf } from './linker.js';
import { divideRings } from './ring-budget.js';
import { faultOfSocket } from './socket-program.js';
import { haveFilterInCommon, type SocketWish } from './socket-wish.js';

const WAITING = 'it waits until the agent has read the rings before, which have the memory for rings';

/** All sockets that should be there, and what runs on none of them. */
export interface WishedSockets {
  readonly sockets: readonly SocketWish[];
  readonly refused: readonly FilterOutcome[];
}

/** What cannot be done yet: sockets that nobody has read to the end have the memory that it takes. */
interface Waiting {
  readonly wish: SocketWish;
  /** Keys of those that it will take over from: they go on as they are. */
  readonly from: readonly string[];
}

/**
 * The sockets of this host: makes them what a plan says.
 *
 * Rings that packets come to share the budget, and as much again is for those that end and are not read to their end yet. None
 * of them is given up: with no memory left, what takes another ring waits.
 */
export class HeldSockets {
  readonly #sockets = new Map<number, HeldSocket>();
  #wished: WishedSockets = { sockets: [], refused: [] };
  #waiting: Waiting[] = [];
  #refused: FilterOutcome[] = [];
  /** Those whose interface was removed, until others stand in their place. */
  readonly #unbound = new Map<string, HeldSocket>();
  /** Unix ms: all that run were bound then. */
  #boundAtMs = Date.now();
  /** An interface was gone before its socket was bound. That it is back by now shows in nothing else. */
  #isOneMissing = false;
  #lastId: number;

  constructor(
    private readonly ringBudgetBytes: number,
    private readonly parts: HeldSocketParts,
    /** Numbers begin here: far from those of an opener before, whose positions in spools would otherwise be taken for ours. */
    firstId: number,
  ) {
    this.#lastId = firstId;
  }

  reconcile(wished: WishedSockets): void {
    this.#wished = wished;
    this.#refused = [...wished.refused];
    this.#waiting = [];
    this.#isOneMissing = false;
    this.#endUnbound(wished.sockets);
    const { fresh, leaving, staying } = this.#changesTo(wished.sockets);
    const rings = divideRings(
      this.ringBudgetBytes,
      staying.map(({ socket }) => socket.ringBytes),
      fresh.length,
    );
    const smaller = staying.flatMap(({ socket, planned }, number) => {
      const ringBytes = rings.held[number]!;
      return ringBytes < socket.ringBytes ? [{ socket, planned, ringBytes }] : [];
    });
    if (this.#hasRoomFor([...rings.opening, ...smaller.map(({ ringBytes }) => ringBytes)])) {
      for (const { socket, planned, ringBytes } of smaller) this.#replace(socket, planned, ringBytes, 'by a cut');
      const opened = this.#openAll(fresh, rings.opening, leaving);
      // First: with another link type the same packets would come to both.
      for (const socket of leaving) if (!fresh.some((wish) => haveFilterInCommon(socket.wish, wish))) socket.drain();
      this.#beginAll(opened);
    } else this.#waitWith(fresh, leaving);
    const awaited = this.#awaited;
    for (const socket of leaving) if (!socket.isEnding && !awaited.has(socket.key)) socket.drain();
    // Those that became smaller are others now.
    const running = new Map(this.running.map((socket) => [socket.key, socket]));
    for (const { planned } of staying) this.#change(running.get(planned.key)!, planned);
  }

  get running(): readonly HeldSocket[] {
    return [...this.#sockets.values()].filter(({ isEnding }) => !isEnding);
  }

  /** Asks each what it is bound to. @returns whether packets can still come to all of them, where their interfaces are up */
  checkBound(): boolean {
    const are = this.running.every(({ isBound }) => isBound);
    if (are) this.#boundAtMs = Date.now();
    return are && !this.#isOneMissing;
  }

  /** Tells all there are to a reader that is new. */
  announce(): void {
    for (const socket of this.#sockets.values()) socket.announce();
  }

  cut(id: number, swap: number): void {
    const socket = this.#sockets.get(id);
    const next = socket?.cut(swap);
    if (socket && next) this.#change(socket, next);
  }

  /** @returns whether there is room now for what waited */
  drained(id: number): boolean {
    const socket = this.#sockets.get(id);
    if (!socket?.isDraining) return false;
    this.#close(socket);
    const waited = this.#waiting.length;
    if (waited > 0) this.reconcile(this.#wished);
    return this.#waiting.length < waited;
  }

  /** Reads back all programs, and mends them. @returns whether all were as they should be */
  check(): boolean {
    const found = this.running.map((socket) => ({ socket, is: socket.check() }));
    for (const { socket, is } of found)
      if (is === 'lost') this.#replace(socket, socket.wish, socket.ringBytes, 'at once');
    return found.every(({ is }) => is === 'right');
  }

  /** A status goes out that says what `outcomes` says. */
  told(): void {
    for (const socket of this.#sockets.values()) socket.told();
  }

  /** The filter-manager has that status. */
  acknowledged(): void {
    for (const socket of this.#sockets.values()) socket.acknowledged();
  }

  outcomes(): FilterOutcome[] {
    const awaited = this.#awaited;
    const told = this.running.filter(({ key }) => !awaited.has(key));
    const waiting = this.#waiting.flatMap(({ wish }) => outcomesOfNone(wish, 'pending', WAITING));
    return [...told.flatMap((socket) => socket.outcomes()), ...waiting, ...this.#refused];
  }

  close(): void {
    for (const socket of [...this.#sockets.values()]) this.#close(socket);
  }

  /** Whatever has the name and the number of its interface by now: a socket is not bound to it. */
  #endUnbound(wishes: readonly SocketWish[]): void {
    for (const socket of this.running.filter(({ isBound }) => !isBound)) {
      this.#unbound.set(socket.key, socket);
      socket.drain();
    }
    const wished = new Set(wishes.map(({ key }) => key));
    for (const key of this.#unbound.keys()) if (!wished.has(key)) this.#unbound.delete(key);
  }

  /** What is to come, to go, and to stay with other members. */
  #changesTo(sockets: readonly SocketWish[]) {
    const wanted = new Set(sockets.map(({ key }) => key));
    const leaving = this.running.filter(({ key }) => !wanted.has(key));
    const known = new Map(this.running.map((socket) => [socket.key, socket]));
    const fresh = sockets.filter(({ key }) => !known.has(key));
    const staying: { readonly socket: HeldSocket; readonly planned: SocketWish }[] = [];
    for (const planned of sockets) {
      const socket = known.get(planned.key);
      if (socket === undefined) continue;
      if (!isMoved(socket, planned, { leaving, fresh })) {
        staying.push({ socket, planned });
        continue;
      }
      // Its swap would be at another moment than that of the filter's other socket: so both are taken over at one time.
      leaving.push(socket);
      fresh.push(planned);
    }
    return { fresh, leaving, staying };
  }

  /** @param rings bytes of each. Where nothing waits to be read there is nothing to wait for. */
  #hasRoomFor(rings: readonly number[]): boolean {
    const all = [...this.#sockets.values()];
    const bytes = [...all.map(({ ringBytes }) => ringBytes), ...rings].reduce((sum, one) => sum + one, 0);
    return bytes <= 2 * this.ringBudgetBytes || !all.some(({ isEnding }) => isEnding);
  }

  /** Keys of sockets that others are to take over from. */
  get #awaited(): ReadonlySet<string> {
    return new Set(this.#waiting.flatMap(({ from }) => from));
  }

  #waitWith(fresh: readonly SocketWish[], leaving: readonly HeldSocket[]): void {
    for (const wish of fresh) {
      const from = leaving.filter((socket) => haveFilterInCommon(socket.wish, wish)).map(({ key }) => key);
      this.#waiting.push({ wish, from });
    }
  }

  #openAll(fresh: readonly SocketWish[], rings: readonly number[], leaving: readonly HeldSocket[]): HeldSocket[] {
    const opened: HeldSocket[] = [];
    for (const [number, planned] of fresh.entries()) {
      const ringBytes = rings[number];
      if (ringBytes === undefined) {
        this.#refuse(planned, 'the memory for rings is used up: raise BPFLEET_AGENT_RING_BYTES');
        continue;
      }
      const before = leaving.filter((socket) => haveFilterInCommon(socket.wish, planned));
      const socket = this.#open(planned, ringBytes, before);
      if (socket instanceof HeldSocket) opened.push(socket);
      else this.#refuse(planned, socket.reason);
    }
    return opened;
  }

  /** Announced together: who takes over from the same socket does so at the same time. */
  #beginAll(sockets: readonly HeldSocket[]): void {
    const begun = sockets.filter((socket) => this.#begin(socket));
    for (const socket of begun) socket.announce();
  }

  #begin(socket: HeldSocket): boolean {
    try {
      socket.begin();
      this.#sockets.set(socket.id, socket);
      const before = this.#unbound.get(socket.key);
      if (before) socket.tellGap(before, this.#boundAtMs);
      this.#unbound.delete(socket.key);
      return true;
    } catch (error) {
      socket.close();
      if (!(error instanceof BpfleetError)) throw error;
      this.#refuse(socket.wish, reasonOf(error));
      return false;
    }
  }

  #refuse(wish: SocketWish, reason: string): void {
    this.#refused.push(...outcomesOfNone(wish, 'refused', reason));
  }

  #change(socket: HeldSocket, planned: SocketWish): void {
    if (!socket.changeTo(planned)) this.#replace(socket, planned, socket.ringBytes, 'by a cut');
  }

  /**
   * A new socket takes over. At once, for one that lets pass what it should not: then nothing passes for the time of one
   * attachment, so that no packet is stored twice.
   */
  #replace(socket: HeldSocket, planned: SocketWish, ringBytes: number, how: 'by a cut' | 'at once'): void {
    const fault = faultOfSocket(planned, this.parts.linker);
    if (fault !== undefined) {
      socket.refuse(planned, fault);
      return;
    }
    if (!this.#hasRoomFor([ringBytes])) {
      if (how === 'at once') socket.refuse(planned, WAITING);
      else if (!this.#awaited.has(socket.key)) this.#waiting.push({ wish: planned, from: [socket.key] });
      return;
    }
    const next = this.#open(planned, ringBytes, how === 'by a cut' ? [socket] : []);
    if (!(next instanceof HeldSocket)) {
      socket.refuse(planned, next.reason);
      return;
    }
    next.inherit(socket);
    if (how === 'at once') socket.drain();
    this.#beginAll([next]);
  }

  #open(
    planned: SocketWish,
    ringBytes: number,
    takesOver: readonly HeldSocket[],
  ): HeldSocket | { readonly reason: string } {
    try {
      return HeldSocket.open(++this.#lastId, planned, ringBytes, takesOver, this.parts);
    } catch (error) {
      if (!(error instanceof BpfleetError)) throw error;
      this.#isOneMissing ||= error.code === 'INTERFACE_UNKNOWN';
      return { reason: reasonOf(error) };
    }
  }

  #close(socket: HeldSocket): void {
    this.#sockets.delete(socket.id);
    socket.close();
  }
}

/** Whether one of its filters goes to a socket of its own, or comes from one. */
const isMoved = (
  socket: HeldSocket,
  planned: SocketWish,
  { leaving, fresh }: { readonly leaving: readonly HeldSocket[]; readonly fresh: readonly SocketWish[] },
): boolean =>
  fresh.some((other) => haveFilterInCommon(socket.wish, other)) ||
  leaving.some(({ wish }) => haveFilterInCommon(wish, planned));

/** What is said of filters where there is no socket for them. */
const outcomesOfNone = ({ branches }: SocketWish, state: 'pending' | 'refused', reason: string): FilterOutcome[] =>
  branches.flatMap(({ interfaces, members }) =>
    interfaces.flatMap(({ name, linkType }) =>
      members.map(({ captured: { filter, version, digest } }) => ({
        ...{ filter, version, digest, interface: name, linkType, state, reason },
      })),
    ),
  );
