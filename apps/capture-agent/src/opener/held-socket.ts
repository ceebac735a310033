import { BpfleetError } from '@bpfleet/errors';
import { RingSocket } from '@bpfleet/linux';
import { type CaptureSocket, type FilterOutcome, type OpenerEvent, TAKEN_OVER } from '../border/opener-port.js';
import { Attachment } from './attachment.js';
import type { KernelProgram } from './kernel-program.js';
import { type Linker, reasonOf } from './linker.js';
import { outcomesOf } from './socket-outcomes.js';
import { withProgramOf } from './socket-program.js';
import { isSameForReader, type PlannedBranch, type SocketWish, unionOf } from './socket-wish.js';

const BLOCK_BYTES = 256 * 1024;
const MIN_BLOCKS = 4;
/** The kernel hands over a block at the latest after this, so that a slow trickle is seen in time. */
const BLOCK_TIMEOUT_MS = 50;
/** In place of an interface's index. */
const ALL_INTERFACES = 0;

interface Swap {
  readonly id: number;
  /** What is attached alone once the agent has cut. */
  readonly next: SocketWish;
}

/** Where programs come from and events go. */
export interface HeldSocketParts {
  readonly linker: Linker;
  readonly emit: (event: OpenerEvent) => void;
  readonly logger: { error(facts: object, text: string): void };
}

/** One packet socket with what runs on it, from its opening to the moment when its ring was read to the end. */
export class HeldSocket {
  /** What the agent attributes with. */
  #current: SocketWish;
  #attachment: Attachment | undefined;
  #swap: Swap | undefined;
  /** The last wish that came while a swap was under way. */
  #queued: SocketWish | undefined;
  #lastSwapId = 0;
  #isDraining = false;
  /** Sockets that end once the agent has cut between them and this one. */
  #takesOver: readonly HeldSocket[] = [];
  /** Another one takes over; until then both let pass. */
  #isTakenOver = false;
  #wasAnnounced = false;
  #openedAtMs = 0;
  /** What was wished for last and could not be done, with the reason. */
  #refusal: { readonly wish: SocketWish; readonly reason: string } | undefined;
  /** The kernel ran another program, in words; until the filter-manager has a status that tells of it. */
  #divergence: { readonly reason: string; readonly isTold: boolean } | undefined;

  private constructor(
    readonly id: number,
    planned: SocketWish,
    private readonly ring: RingSocket,
    private readonly parts: HeldSocketParts,
  ) {
    this.#current = planned;
  }

  /**
   * Opens it rejecting everything; `begin` lets packets through.
   * @param takesOver from sockets of the same filters: packets then have one time on all of them
   * @throws BpfleetError when the kernel refuses the socket
   */
  static open(
    id: number,
    planned: SocketWish,
    ringBytes: number,
    takesOver: readonly HeldSocket[],
    parts: HeldSocketParts,
  ): HeldSocket {
    const { cooked, isShared, branches } = planned;
    const index = isShared ? ALL_INTERFACES : branches[0]!.interfaces[0]!.index;
    const blockCount = Math.max(MIN_BLOCKS, Math.floor(ringBytes / BLOCK_BYTES));
    const geometry = { blockBytes: BLOCK_BYTES, blockCount, blockTimeoutMs: BLOCK_TIMEOUT_MS };
    const arrivalTime = takesOver.length > 0;
    const ring = RingSocket.open({ interfaceIndex: index, cooked, arrivalTime, ...geometry });
    const socket = new HeldSocket(id, planned, ring, parts);
    socket.#takesOver = takesOver;
    return socket;
  }

  /**
   * Attaches the real program; to be announced then. Those that it takes over from go on until the agent has cut.
   * @throws BpfleetError when the kernel refuses the program
   */
  begin(): void {
    this.#attach(this.#current.branches);
    this.#openedAtMs = Date.now();
    for (const socket of this.#takesOver) socket.#isTakenOver = true;
  }

  get key(): string {
    return this.#current.key;
  }
  get isDraining(): boolean {
    return this.#isDraining;
  }
  /** Nothing more is wished of it. */
  get isEnding(): boolean {
    return this.#isDraining || this.#isTakenOver;
  }
  get ringBytes(): number {
    return this.ring.geometry.blockBytes * this.ring.geometry.blockCount;
  }
  /** What it should come to. */
  get wish(): SocketWish {
    return this.#queued ?? this.#swap?.next ?? this.#current;
  }
  /** An interface that was removed, or went to another network namespace, leaves it for good: also where it comes back. */
  get isBound(): boolean {
    return !this.ring.isInterfaceGone();
  }
  get program(): KernelProgram {
    return this.#attachment!.program;
  }
  get attachment(): Attachment {
    return this.#attachment!;
  }

  /** Tells a reader of it, with a descriptor of its own. */
  announce(): void {
    const { isShared, branches, isOwnSocket } = this.#current;
    const socket: CaptureSocket = {
      id: this.id,
      isShared,
      branches: captured(branches),
      ring: { ...this.ring.geometry, skipOutgoing: this.ring.skipOutgoing },
      isOwnSocket,
      wasRead: this.#wasAnnounced,
      openedAtMs: this.#openedAtMs,
      ...(this.#swap ? { swap: { id: this.#swap.id, branches: captured(this.#swap.next.branches) } } : {}),
      ...(this.#takesOver.length > 0 ? { takesOver: this.#takesOver.map(({ id }) => id) } : {}),
    };
    this.#wasAnnounced = true;
    this.parts.emit({ kind: 'socket', socket, fd: this.ring.duplicate() });
    if (this.#isDraining) this.parts.emit({ kind: 'draining', socket: this.id });
  }

  /**
   * Goes over to other members, by way of link(old ∪ new) and a cut. While a swap is under way the last wish waits.
   * @returns false when old and new do not fit into one program: another socket has to take over
   */
  changeTo(planned: SocketWish): boolean {
    this.#refusal = undefined;
    if (this.#swap) {
      this.#queued = planned;
      return true;
    }
    try {
      if (isSameForReader(planned, this.#current)) this.#renew(planned);
      else this.#swapTo(planned);
      return true;
    } catch (error) {
      if (error instanceof BpfleetError) return false;
      throw error;
    }
  }

  /** What was wished for cannot be. What ran keeps running. */
  refuse(wish: SocketWish, reason: string): void {
    this.#refusal = { wish, reason };
  }

  /** The agent attributes with the new members now. @returns what to change to: them alone, or what was wished for meanwhile */
  cut(swapId: number): SocketWish | undefined {
    if (swapId === TAKEN_OVER) {
      this.#endOthers();
      return undefined;
    }
    const swap = this.#swap;
    if (swap === undefined || swap.id !== swapId || this.isEnding) return undefined;
    const next = this.#queued ?? swap.next;
    this.#swap = undefined;
    this.#queued = undefined;
    this.#current = swap.next;
    return next;
  }

  /** Nothing passes from here on; what is in the ring is read to its end. */
  drain(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    try {
      this.ring.rejectAll();
    } catch (error) {
      // Locked by somebody (SO_LOCK_FILTER). Closing it ends what passes; the agent asks every member meanwhile.
      if (!(error instanceof BpfleetError)) throw error;
    }
    this.parts.emit({ kind: 'draining', socket: this.id });
    // They end too; whoever reads all of them cuts nevertheless, if nobody has.
    for (const socket of this.#takesOver) socket.drain();
  }

  #endOthers(): void {
    for (const socket of this.#takesOver) socket.drain();
    this.#takesOver = [];
  }

  /**
   * Reads back what the kernel runs, and puts it right when it is something else.
   * @returns whether it was as it should be, or cannot be put right
   */
  check(): 'right' | 'mended' | 'lost' {
    if (this.isEnding || this.attachment.isInPlace()) return 'right';
    try {
      this.attachment.restore();
      this.#diverged('the kernel ran another program; it was attached again');
      return 'mended';
    } catch (error) {
      if (!(error instanceof BpfleetError)) throw error;
      this.#diverged(`the kernel ran another program, and keeps it: ${reasonOf(error)}`);
      return 'lost';
    }
  }

  /** A status goes out that says what `outcomes` says. While all filters are `pending` that is no word of a divergence. */
  told(): void {
    if (this.#divergence === undefined || !this.outcomes().some(({ state }) => state === 'diverged')) return;
    this.#divergence = { ...this.#divergence, isTold: true };
  }

  /** The filter-manager has that status. What was found since is told in the next one. */
  acknowledged(): void {
    if (this.#divergence?.isTold) this.#divergence = undefined;
  }

  /** In place of another, whose divergence nobody has told of yet. */
  inherit(from: HeldSocket): void {
    this.#divergence = from.#divergence;
  }

  /** In place of one whose interface was gone for a moment. @param boundAtMs when that one was last found bound, Unix ms */
  tellGap(before: HeldSocket, boundAtMs: number): void {
    const [from, to] = [Math.max(boundAtMs, before.#openedAtMs), this.#openedAtMs].map((ms) =>
      new Date(ms).toISOString(),
    );
    this.#diverged(
      `the interface was removed and came again: no socket stood from ${from} at the earliest to ${to} at the latest`,
    );
  }

  outcomes(): FilterOutcome[] {
    if (this.isEnding) return [];
    return outcomesOf({
      ...{ id: this.id, hash: this.program.hash, found: this.attachment.state(), current: this.#current },
      ...{ wish: this.#refusal?.wish ?? this.wish, refused: this.#refusal?.reason },
      divergence: this.#divergence?.reason,
      ...{ isSwapping: this.#swap !== undefined, isTakingOver: this.#takesOver.length > 0 },
    });
  }

  /** Frees the socket; a reader that still has it open keeps it until it closes it too. */
  close(): void {
    this.#attachment?.close();
    this.ring.close();
  }

  #diverged(reason: string): void {
    this.#divergence = { reason, isTold: false };
    const { isShared, branches } = this.#current;
    const device = isShared ? '*' : branches[0]!.interfaces[0]!.name;
    this.parts.logger.error({ interface: device, socket: this.id }, reason);
  }

  #swapTo(next: SocketWish): void {
    this.#attach(unionOf(this.#current, next));
    this.#swap = { id: ++this.#lastSwapId, next };
    this.parts.emit({ kind: 'swap', socket: this.id, swap: { id: this.#swap.id, branches: captured(next.branches) } });
  }

  /** The same members: what was excluded may have changed, which concerns nobody who attributes. */
  #renew(planned: SocketWish): void {
    this.#attach(planned.branches);
    this.#current = planned;
  }

  #attach(branches: readonly PlannedBranch[]): void {
    withProgramOf({ isShared: this.#current.isShared, branches }, this.parts.linker, (program) => {
      const before = this.#attachment;
      if (program.hash === before?.program.hash) {
        this.#attachment = before.linkedFrom(program);
        return;
      }
      this.#attachment = Attachment.attach(this.ring, program);
      before?.close();
    });
  }
}

const captured = (branches: readonly PlannedBranch[]) =>
  branches.map(({ interfaces, members }) => ({ interfaces, members: members.map((member) => member.captured) }));
