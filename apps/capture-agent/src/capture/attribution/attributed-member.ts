import type { CaptureMember } from '../../border/opener-port.js';
import type { Budget } from './budget.js';

/** Cumulative, per member and socket. */
export interface MemberCounters {
  matched: number;
  /** Stored with fewer bytes than the packet had. */
  truncated: number;
  sampledOut: number;
  budgetDropped: number;
  stored: number;
  storedBytes: number;
}

export const noCounts = (): MemberCounters => ({
  matched: 0,
  truncated: 0,
  sampledOut: 0,
  budgetDropped: 0,
  stored: 0,
  storedBytes: 0,
});

/** A filter version on one socket: what is kept of the packets that it accepts. */
export class AttributedMember {
  /** `web@3` */
  readonly version: string;
  /** When a section's ledger told of its counters last. */
  toldAtMs = Number.NEGATIVE_INFINITY;
  readonly #samplesNone: boolean;

  /**
   * @param number its place among the socket's members
   * @param counters shared by all that is one filter version on one interface
   * @param budget shared by all that is one filter on this host
   */
  constructor(
    readonly number: number,
    readonly member: CaptureMember,
    readonly counters: MemberCounters,
    readonly budget: Budget,
  ) {
    this.#samplesNone = member.sampling === 1;
    this.version = `${member.filter}@${member.version}`;
  }

  get keptSnaplenBytes(): number {
    return Math.min(this.member.snaplenBytes, this.budget.snaplenLimitBytes);
  }

  /** One stored packet stands for so many. */
  get weight(): number {
    return this.member.sampling * this.budget.weight;
  }

  /** Keeps every packet that it matches. */
  get keepsAll(): boolean {
    return this.#samplesNone && this.budget.isUnlimited;
  }

  /** Counts a packet that matches; says whether it is kept. */
  keeps(capturedLength: number): boolean {
    this.counters.matched++;
    if (this.#samplesNone && this.budget.isUnlimited) return true;
    if (!this.budget.isTurnOf(this.weight)) {
      this.counters.sampledOut++;
      return false;
    }
    if (this.budget.take(Math.min(capturedLength, this.keptSnaplenBytes))) return true;
    this.counters.budgetDropped++;
    return false;
  }
}
