import type { PacketClassifier } from '@bpfleet/bpf';
import type { CaptureMember } from '../../border/opener-port.js';
import { AttributedMember, type MemberCounters } from './attributed-member.js';
import type { Budget } from './budget.js';
import type { Classifiers } from './classifiers.js';
import { anothersPacket, type MemberSet, noMembers } from './member-set.js';
import type { MemberSets } from './member-sets.js';
import type { ReadPacket } from './read-packet.js';

/** What members share with others: counters per version and interface, a budget per filter, the sets that were met, code. */
export interface MemberAccounts {
  readonly sets: MemberSets;
  readonly classifiers: Classifiers;
  countersOf(member: CaptureMember): MemberCounters;
  budgetOf(member: CaptureMember): Budget;
}

/** Unix ms by the host's clock, as packets are stamped: from the first on, up to the second and not with it. */
export interface PacketTimes {
  readonly fromMs: number;
  readonly untilMs: number;
}
export const ALWAYS: PacketTimes = { fromMs: 0, untilMs: Number.POSITIVE_INFINITY };

function isWithin({ fromMs, untilMs }: PacketTimes, { seconds, nanoseconds }: ReadPacket): boolean {
  const atMs = seconds * 1000 + nanoseconds / 1e6;
  return atMs >= fromMs && atMs < untilMs;
}

/**
 * Says which members of a socket a packet belongs to. The kernel let it through because at least one accepts it; each is
 * asked again on the same bytes and metadata; also where there is only one, since link(old ∪ new) may be attached before
 * anybody here knows of the swap.
 */
export class Attribution {
  readonly #members: readonly AttributedMember[];
  readonly #classify: PacketClassifier;
  /** Numbers of the members that accept the packet at hand. */
  readonly #hits: Int32Array;
  readonly #sets: MemberSets;
  /** Of `#sets`, in that generation: those of one member, by its number. Most packets are of such. */
  readonly #alone: (MemberSet | undefined)[];
  #aloneOf = -1;
  /** Numbers of members mean other members elsewhere. */
  readonly #salt = ++salts;
  /** How many members accept the last packet, whether they keep it or not. */
  matches = 0;
  /** Whether the last packet lacked bytes that a member asks for. It counts as matching, and is marked. */
  isUndecided = false;
  /** The one member asks for what user space cannot see: the kernel's word is its verdict. */
  trustsKernel = false;
  /** Packets of other times are those of another socket, which this one took over from, or which took over from it. */
  times: PacketTimes | undefined;

  constructor(members: readonly CaptureMember[], accounts: MemberAccounts) {
    this.#members = members.map(
      (member, number) => new AttributedMember(number, member, accounts.countersOf(member), accounts.budgetOf(member)),
    );
    this.#classify = accounts.classifiers.of(members);
    this.#hits = new Int32Array(members.length);
    this.#sets = accounts.sets;
    this.#alone = members.map(() => undefined);
  }

  get members(): readonly AttributedMember[] {
    return this.#members;
  }

  /** Whether it is of these members, in the same form. */
  isOf(members: readonly CaptureMember[]): boolean {
    return (
      members.length === this.#members.length &&
      this.#members.every(({ member: { digest, program } }, number) => {
        const other = members[number]!;
        return digest === other.digest && program.linkType === other.program.linkType;
      })
    );
  }

  /** The members that keep the packet; empty: it is not stored. `anothersPacket`: not here. */
  attribute(packet: ReadPacket): MemberSet {
    this.isUndecided = false;
    if (this.times !== undefined && !isWithin(this.times, packet)) return anothersPacket;
    const { bytes, start, capturedLength, wireLength } = packet;
    if (this.trustsKernel) return this.#ofTheOne(capturedLength);
    const hits = this.#hits;
    const count = this.#classify(bytes, start, capturedLength, wireLength, packet, hits);
    this.matches = count;
    let kept = 0;
    for (let index = 0; index < count; index++) {
      let number = hits[index]!;
      if (number < 0) {
        this.isUndecided = true;
        number = ~number;
      }
      if (this.#members[number]!.keeps(capturedLength)) hits[kept++] = number;
    }
    if (kept === 0) return noMembers;
    return kept === 1 ? this.#ofOne(hits[0]!) : this.#sets.find(this.#members, this.#salt, hits, kept);
  }

  /** The one member, where it keeps whatever it matches, at any time: `accepts` is then all there is to know of a packet. */
  get theOne(): MemberSet | undefined {
    const [member] = this.#members;
    if (this.#members.length !== 1 || this.times !== undefined || !member!.keepsAll) return undefined;
    return this.#ofOne(0);
  }

  /** Whether the one member matches, without doubt. Nothing is counted. */
  accepts(packet: ReadPacket): boolean {
    if (this.trustsKernel) return true;
    const { bytes, start, capturedLength, wireLength } = packet;
    return this.#classify(bytes, start, capturedLength, wireLength, packet, this.#hits) === 1 && this.#hits[0] === 0;
  }

  #ofOne(number: number): MemberSet {
    const known = this.#aloneOf === this.#sets.generation ? this.#alone[number] : undefined;
    return known ?? this.#findAlone(number);
  }

  #findAlone(number: number): MemberSet {
    this.#hits[0] = number;
    const found = this.#sets.find(this.#members, this.#salt, this.#hits, 1);
    // It may have made room for itself.
    if (this.#aloneOf !== this.#sets.generation) this.#alone.fill(undefined);
    this.#aloneOf = this.#sets.generation;
    this.#alone[number] = found;
    return found;
  }

  #ofTheOne(capturedLength: number): MemberSet {
    return this.#members[0]!.keeps(capturedLength) ? this.#ofOne(0) : noMembers;
  }
}

let salts = 0;
