import { BpfleetError } from '@bpfleet/errors';
import type { FilterOutcome, OpenerEvent } from '../border/opener-port.js';
import { HeldSocket } from './held-socket.js';
import type { LinkContext, PlannedSocket, SocketPlan } from './plan.js';

const RING_MIN_BYTES = 1024 * 1024;

/** The sockets of this host: makes them what a plan says, one step at a time. */
export class HeldSockets {
  readonly #sockets = new Map<number, HeldSocket>();
  #refused: readonly FilterOutcome[] = [];
  #lastId: number;

  constructor(
    private readonly ringBudgetBytes: number,
    private readonly emit: (event: OpenerEvent) => void,
    /** Numbers begin here: not where those of an opener before did, whose positions would otherwise be taken for ours. */
    firstId: number,
  ) {
    this.#lastId = firstId;
  }

  reconcile({ sockets, refused }: SocketPlan, context: Omit<LinkContext, 'linkType'>): void {
    const failed: FilterOutcome[] = [];
    const wanted = new Map(sockets.map((planned) => [planned.key, planned]));
    // First, so that two versions on sockets of their own never get one packet twice.
    for (const socket of this.#running()) if (!wanted.has(socket.planned.key)) socket.drain();
    const ringBytes = Math.max(RING_MIN_BYTES, Math.floor(this.ringBudgetBytes / Math.max(1, sockets.length)));
    for (const planned of sockets) {
      const wish = { planned, context: { ...context, linkType: planned.interface.linkType } };
      const known = this.#running().find((socket) => socket.planned.key === planned.key);
      if (known) known.swapTo(wish);
      else failed.push(...this.#open(wish, ringBytes));
    }
    this.#refused = [...refused, ...failed];
  }

  #open(wish: { readonly planned: PlannedSocket; readonly context: LinkContext }, ringBytes: number): FilterOutcome[] {
    try {
      const socket = HeldSocket.open(++this.#lastId, wish, ringBytes, this.emit);
      this.#sockets.set(socket.id, socket);
      return [];
    } catch (error) {
      if (!(error instanceof BpfleetError)) throw error;
      const reason = [error.message, error.hint].filter(Boolean).join('; ');
      return refusals(wish.planned, reason);
    }
  }

  #running(): HeldSocket[] {
    return [...this.#sockets.values()].filter(({ isDraining }) => !isDraining);
  }

  /** Tells all there are to a reader that is new. */
  announce(): void {
    for (const socket of this.#sockets.values()) socket.announce();
  }

  cut(id: number, swap: number): void {
    this.#sockets.get(id)?.cut(swap);
  }

  drained(id: number): void {
    const socket = this.#sockets.get(id);
    if (!socket?.isDraining) return;
    this.#sockets.delete(id);
    socket.close();
  }

  /** Reads back all programs, and mends them. @returns whether all were as they should be */
  check(): boolean {
    return this.#running()
      .map((socket) => socket.check())
      .every(Boolean);
  }

  get running(): readonly HeldSocket[] {
    return this.#running();
  }

  outcomes(): FilterOutcome[] {
    return [...this.#running().flatMap((socket) => socket.outcomes()), ...this.#refused];
  }

  close(): void {
    for (const socket of this.#sockets.values()) socket.close();
    this.#sockets.clear();
  }
}

const refusals = ({ members, interface: device }: PlannedSocket, reason: string): FilterOutcome[] =>
  members.map(({ filter, version, digest }) => ({
    filter,
    version,
    digest,
    interface: device.name,
    linkType: device.linkType,
    state: 'refused',
    reason,
  }));
