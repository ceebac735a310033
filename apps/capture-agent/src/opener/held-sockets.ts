import { BpfleetError } from '@bpfleet/errors';
import type { FilterOutcome } from '../border/opener-port.js';
import { HeldSocket, type HeldSocketParts } from './held-socket.js';
import { reasonOf } from './linker.js';
import { ringShare } from './ring-budget.js';
import { faultOfSocket } from './socket-program.js';
import { haveFilterInCommon, type SocketWish } from './socket-wish.js';

/** All sockets that should be there, and what runs on none of them. */
export interface WishedSockets {
  readonly sockets: readonly SocketWish[];
  readonly refused: readonly FilterOutcome[];
}

/** The sockets of this host: makes them what a plan says. */
export class HeldSockets {
  readonly #sockets = new Map<number, HeldSocket>();
  #refused: readonly FilterOutcome[] = [];
  #lastId: number;

  constructor(
    private readonly ringBudgetBytes: number,
    private readonly parts: HeldSocketParts,
    /** Numbers begin here: far from those of an opener before, whose positions in spools would otherwise be taken for ours. */
    firstId: number,
  ) {
    this.#lastId = firstId;
  }

  reconcile({ sockets, refused }: WishedSockets): void {
    const failed: FilterOutcome[] = [];
    const wanted = new Set(sockets.map(({ key }) => key));
    const leaving = this.running.filter(({ key }) => !wanted.has(key));
    const known = new Map(this.running.map((socket) => [socket.key, socket]));
    const fresh = sockets.filter(({ key }) => !known.has(key));
    for (const planned of sockets) {
      const socket = known.get(planned.key);
      if (socket === undefined || !isMoved(socket, planned, { leaving, fresh })) continue;
      // Its swap would be at another moment than that of the filter's other socket: so both are taken over at one time.
      known.delete(planned.key);
      leaving.push(socket);
      fresh.push(planned);
    }
    this.#beginAll(this.#openAll(fresh, leaving, failed), failed);
    for (const socket of leaving) if (!socket.isEnding) socket.drain();
    for (const planned of sockets) {
      const socket = known.get(planned.key);
      if (socket) this.#change(socket, planned);
    }
    this.#refused = [...refused, ...failed];
    this.#forgetUnread();
  }

  get running(): readonly HeldSocket[] {
    return [...this.#sockets.values()].filter(({ isEnding }) => !isEnding);
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

  drained(id: number): void {
    const socket = this.#sockets.get(id);
    if (socket?.isDraining) this.#close(socket);
  }

  /** Reads back all programs, and mends them. @returns whether all were as they should be */
  check(): boolean {
    const found = this.running.map((socket) => ({ socket, is: socket.check() }));
    for (const { socket, is } of found)
      if (is === 'lost') this.#replace(socket, socket.wish, socket.ringBytes, 'at once');
    return found.every(({ is }) => is === 'right');
  }

  /** Divergences were told of. */
  reported(): void {
    for (const socket of this.#sockets.values()) socket.reported();
  }

  outcomes(): FilterOutcome[] {
    return [...this.running.flatMap((socket) => socket.outcomes()), ...this.#refused];
  }

  close(): void {
    for (const socket of [...this.#sockets.values()]) this.#close(socket);
  }

  #openAll(fresh: readonly SocketWish[], leaving: readonly HeldSocket[], failed: FilterOutcome[]): HeldSocket[] {
    const opened: HeldSocket[] = [];
    for (const [index, planned] of fresh.entries()) {
      const staying = this.running.filter((socket) => !leaving.includes(socket));
      const held = [...staying, ...opened].map(({ ringBytes }) => ringBytes);
      const share = ringShare(this.ringBudgetBytes, held, fresh.length - index);
      if (share === undefined) {
        failed.push(...refusals(planned, 'the memory for rings is used up: raise BPFLEET_AGENT_RING_BYTES'));
        continue;
      }
      if (share.mustShrink) this.#shrinkLargest(staying);
      const before = leaving.filter((socket) => haveFilterInCommon(socket.wish, planned));
      const socket = this.#open(planned, share.ringBytes, before);
      if (socket instanceof HeldSocket) opened.push(socket);
      else failed.push(...refusals(planned, socket.reason));
    }
    return opened;
  }

  /** Announced together: who takes over from the same socket does so at the same time. */
  #beginAll(sockets: readonly HeldSocket[], failed: FilterOutcome[]): void {
    const begun = sockets.filter((socket) => this.#begin(socket, failed));
    for (const socket of begun) socket.announce();
  }

  #begin(socket: HeldSocket, failed: FilterOutcome[]): boolean {
    try {
      socket.begin();
      this.#sockets.set(socket.id, socket);
      return true;
    } catch (error) {
      socket.close();
      if (!(error instanceof BpfleetError)) throw error;
      failed.push(...refusals(socket.wish, reasonOf(error)));
      return false;
    }
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
    const next = this.#open(planned, ringBytes, how === 'by a cut' ? [socket] : []);
    if (!(next instanceof HeldSocket)) {
      socket.refuse(planned, next.reason);
      return;
    }
    next.inherit(socket);
    if (how === 'at once') socket.drain();
    const failed: FilterOutcome[] = [];
    this.#beginAll([next], failed);
    this.#refused = [...this.#refused, ...failed];
  }

  #open(
    planned: SocketWish,
    ringBytes: number,
    takesOver: readonly HeldSocket[],
  ): HeldSocket | { readonly reason: string } {
    try {
      return HeldSocket.open(++this.#lastId, planned, ringBytes, takesOver, this.parts);
    } catch (error) {
      if (error instanceof BpfleetError) return { reason: reasonOf(error) };
      throw error;
    }
  }

  #shrinkLargest(staying: readonly HeldSocket[]): void {
    const [largest] = [...staying].sort((one, other) => other.ringBytes - one.ringBytes);
    if (largest) this.#replace(largest, largest.wish, largest.ringBytes / 2, 'by a cut');
  }

  /** Rings that nobody reads to their end, while interfaces come and go, do not add up for ever. */
  #forgetUnread(): void {
    const ending = [...this.#sockets.values()].filter(({ isEnding }) => isEnding);
    let bytes = ending.reduce((sum, { ringBytes }) => sum + ringBytes, 0);
    for (const socket of ending) {
      if (bytes <= this.ringBudgetBytes) return;
      bytes -= socket.ringBytes;
      socket.drain();
      this.#close(socket);
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

const refusals = ({ branches }: SocketWish, reason: string): FilterOutcome[] =>
  branches.flatMap(({ interfaces, members }) =>
    interfaces.flatMap(({ name, linkType }) =>
      members.map(({ captured: { filter, version, digest } }) => ({
        ...{ filter, version, digest, interface: name, linkType },
        state: 'refused' as const,
        reason,
      })),
    ),
  );
