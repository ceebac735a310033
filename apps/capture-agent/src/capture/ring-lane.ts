import { createHash } from 'node:crypto';
import { BpfleetError } from '@bpfleet/errors';
import { PacketSocket } from '@bpfleet/linux';
import type { CaptureTarget, TargetState } from './packet-source.js';
import { Lane } from './section-assembler.js';

const BLOCK_BYTES = 256 * 1024;
/** The kernel hands over a block at the latest after this, so that a slow trickle is seen in time. */
const BLOCK_TIMEOUT_MS = 50;
const RING_MIN_BYTES = 1024 * 1024;
const RING_MAX_BYTES = 16 * 1024 * 1024;

const digestOf = (program: Uint8Array): string => `sha256:${createHash('sha256').update(program).digest('hex')}`;

/** One target with its socket and ring. */
export class RingLane extends Lane {
  /** The version whose program is attached, as long as packets of the one before may still come out of the ring. */
  next: CaptureTarget | undefined;

  private constructor(
    target: CaptureTarget,
    readonly socket: PacketSocket,
  ) {
    super(target);
  }

  /** Opens rejecting all, drains, then attaches the real program: no packet that does not match comes out. */
  static open(target: CaptureTarget, ringBytes: number): RingLane {
    const bounded = Math.min(Math.max(ringBytes, RING_MIN_BYTES), RING_MAX_BYTES);
    const socket = PacketSocket.open({
      interfaceIndex: target.interface.index,
      blockBytes: BLOCK_BYTES,
      blockCount: Math.floor(bounded / BLOCK_BYTES),
      blockTimeoutMs: BLOCK_TIMEOUT_MS,
    });
    try {
      socket.attach(target.program);
    } catch (error) {
      socket.close();
      throw error;
    }
    return new RingLane(target, socket);
  }

  /** The version whose program is attached. */
  get attached(): CaptureTarget {
    return this.next ?? this.target;
  }

  /** What the kernel runs now, compared with what should run. */
  state(): TargetState {
    const target = this.attached;
    const expected = digestOf(target.program);
    const attachedDigest = digestOf(this.socket.readBack());
    const { passed, dropped } = this.socket.statistics();
    return {
      key: target.key,
      state: attachedDigest === expected ? 'reported' : 'diverged',
      ...(attachedDigest === expected ? {} : { reason: `the kernel runs another program than ${expected}` }),
      attachedDigest,
      counters: { matched: passed, droppedByKernel: dropped, captured: this.captured },
    };
  }
}

export const refusal = (target: CaptureTarget, error: unknown): TargetState => ({
  key: target.key,
  state: 'refused',
  reason: error instanceof BpfleetError ? [error.message, error.hint].filter(Boolean).join('; ') : String(error),
});
