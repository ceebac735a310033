import { BpfleetError } from '@bpfleet/errors';
import { RingSocket } from '@bpfleet/linux';
import type { CaptureMember, CaptureSocket, FilterOutcome, OpenerEvent } from '../border/opener-port.js';
import { type AttachedProgram, hashOf, programOf } from './attached-program.js';
import type { LinkContext, PlannedSocket } from './plan.js';

const BLOCK_BYTES = 256 * 1024;
/** The kernel hands over a block at the latest after this, so that a slow trickle is seen in time. */
const BLOCK_TIMEOUT_MS = 50;

interface Swap {
  readonly id: number;
  readonly members: readonly CaptureMember[];
  /** What is attached once the agent has cut. */
  readonly program: AttachedProgram;
}

/** What is wished for, linked. */
interface Wish {
  readonly planned: PlannedSocket;
  readonly context: LinkContext;
}

/** One packet socket with what runs on it, from its opening to the moment when its ring was read to the end. */
export class HeldSocket {
  #members: readonly CaptureMember[];
  #program: AttachedProgram;
  #swap: Swap | undefined;
  #queued: Wish | undefined;
  #lastSwapId = 0;
  #isDraining = false;
  #wasAnnounced = false;
  /** Why the last wish was not carried out; undefined: it was. */
  #refusal: string | undefined;
  #isDiverged = false;

  private constructor(
    readonly id: number,
    readonly planned: PlannedSocket,
    private readonly ring: RingSocket,
    program: AttachedProgram,
    private readonly emit: (event: OpenerEvent) => void,
  ) {
    this.#members = planned.members;
    this.#program = program;
  }

  /**
   * Opens rejecting everything, hands the ring to whoever reads it, then attaches the real program.
   * @throws BpfleetError when the kernel refuses the socket or the program
   */
  static open(
    id: number,
    { planned, context }: Wish,
    ringBytes: number,
    emit: (event: OpenerEvent) => void,
  ): HeldSocket {
    const program = programOf(planned.members, context);
    const ring = RingSocket.open({
      interfaceIndex: planned.interface.index,
      blockBytes: BLOCK_BYTES,
      blockCount: Math.max(4, Math.floor(ringBytes / BLOCK_BYTES)),
      blockTimeoutMs: BLOCK_TIMEOUT_MS,
    });
    try {
      ring.attach(program.bytes);
    } catch (error) {
      ring.close();
      throw error;
    }
    const socket = new HeldSocket(id, planned, ring, program, emit);
    socket.announce();
    return socket;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** Tells a reader of it, with a descriptor of its own. */
  announce(): void {
    const socket: CaptureSocket = {
      id: this.id,
      interface: this.planned.interface,
      ring: { ...this.ring.geometry, skipOutgoing: this.ring.skipOutgoing },
      members: this.#members,
      isOwnSocket: this.planned.isOwnSocket,
      wasRead: this.#wasAnnounced,
      ...(this.#swap ? { swap: { id: this.#swap.id, members: this.#swap.members } } : {}),
    };
    this.#wasAnnounced = true;
    this.emit({ kind: 'socket', socket, fd: this.ring.duplicate() });
    if (this.#isDraining) this.emit({ kind: 'draining', socket: this.id });
  }

  /** Goes over to other members, by way of link(old ∪ new) and a cut. While a swap is under way the last wish waits. */
  swapTo(wish: Wish): void {
    if (this.#swap !== undefined) {
      this.#queued = wish;
      return;
    }
    const { planned, context } = wish;
    try {
      const program = programOf(planned.members, context);
      if (program.hash === this.#program.hash && sameMembers(planned.members, this.#members)) {
        this.#refusal = undefined;
        return;
      }
      this.#attachUnion(planned.members, program, context);
      this.#swap = { id: ++this.#lastSwapId, members: planned.members, program };
      this.#refusal = undefined;
      this.emit({ kind: 'swap', socket: this.id, swap: { id: this.#swap.id, members: planned.members } });
    } catch (error) {
      if (!(error instanceof BpfleetError)) throw error;
      // What ran keeps running.
      this.#refusal = [error.message, error.hint].filter(Boolean).join('; ');
    }
  }

  #attachUnion(members: readonly CaptureMember[], next: AttachedProgram, context: LinkContext): void {
    let union: AttachedProgram;
    try {
      union = programOf([...this.#members, ...members], context);
      this.ring.attach(union.bytes);
    } catch (error) {
      if (!(error instanceof BpfleetError)) throw error;
      // Both do not fit: the new one alone. What only the old one accepts is missed from here to the cut.
      this.ring.attach(next.bytes);
      union = next;
    }
    this.#program = union;
  }

  /** The agent attributes with the new members now. */
  cut(swapId: number): void {
    const swap = this.#swap;
    if (swap === undefined || swap.id !== swapId) return;
    this.ring.attach(swap.program.bytes);
    this.#program = swap.program;
    this.#members = swap.members;
    this.#swap = undefined;
    const queued = this.#queued;
    this.#queued = undefined;
    if (queued && !this.#isDraining) this.swapTo(queued);
  }

  /** Nothing passes from here on; what is in the ring is read to its end. */
  drain(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    this.ring.rejectAll();
    this.emit({ kind: 'draining', socket: this.id });
  }

  /** Reads back what the kernel runs, and puts it right when it is something else. @returns whether it was as it should be */
  check(): boolean {
    if (this.#isDraining) return true;
    const isRight = hashOf(this.ring.readBack()) === this.#program.hash;
    if (!isRight) this.ring.attach(this.#program.bytes);
    this.#isDiverged = !isRight;
    return isRight;
  }

  get program(): AttachedProgram {
    return this.#program;
  }

  outcomes(): FilterOutcome[] {
    if (this.#isDraining) return [];
    const wanted = this.#queued?.planned.members ?? this.#swap?.members ?? this.#members;
    return wanted.map((member) => ({
      filter: member.filter,
      version: member.version,
      digest: member.digest,
      interface: this.planned.interface.name,
      linkType: this.planned.interface.linkType,
      socket: this.id,
      attachedDigest: this.#program.hash,
      ...(member.selfTest ? { selfTest: member.selfTest } : {}),
      ...this.#stateOf(member),
    }));
  }

  #stateOf(member: CaptureMember): Pick<FilterOutcome, 'state' | 'reason'> {
    if (this.#refusal !== undefined && !this.#members.includes(member))
      return { state: 'refused', reason: this.#refusal };
    if (this.#swap !== undefined) return { state: 'pending', reason: 'the swap is under way' };
    if (this.#isDiverged) return { state: 'diverged', reason: 'the kernel ran another program; it was attached again' };
    return this.planned.isOwnSocket ? { state: 'attested', reason: 'own socket' } : { state: 'attested' };
  }

  /** Frees the socket; a reader that still has it open keeps it until it closes it too. */
  close(): void {
    this.ring.close();
  }
}

function sameMembers(some: readonly CaptureMember[], others: readonly CaptureMember[]): boolean {
  return some.length === others.length && some.every(({ digest }, index) => digest === others[index]!.digest);
}
