import type { Completeness } from '@bpfleet/contract';
import { type PacketCursor, type SectionInterface, scanSection } from '@bpfleet/section';
import type { StoredSection } from '@bpfleet/store';
import { filtersOf } from '../filter-labels.js';
import type { PacketPredicate, PacketPredicates } from './packet-verdict.js';

/** What a query asks of each packet. Times in Unix ns, `untilNs` not included. */
export interface PacketCriteria {
  readonly sinceNs: bigint;
  readonly untilNs: bigint;
  readonly predicateOf: PacketPredicates;
  /** `web` or `web@3` */
  readonly version?: string | undefined;
  readonly linkType?: number | undefined;
}

/** An interface block as packets of an answer refer to it. */
export interface OpenInterface extends SectionInterface {
  /** Versions that stored its packets. */
  readonly filters: readonly string[];
}

/** A section with packets in the answer. Its bytes live as long as one of them does. */
export interface OpenSection {
  readonly agent: string;
  readonly epoch: number;
  readonly seq: number;
  readonly body: Uint8Array;
}

/** One packet of the answer, in place: nothing of it is copied. */
export interface MatchedPacket {
  readonly section: OpenSection;
  readonly interface: OpenInterface;
  /** Its place in the section. */
  readonly index: number;
  readonly atNs: bigint;
  readonly start: number;
  readonly capturedLength: number;
  readonly wireLength: number;
}

interface Lane {
  readonly interface: OpenInterface;
  readonly predicate: PacketPredicate | undefined;
}

/** Opens sections for one query and counts what it saw. */
export class PacketScan {
  #sections = 0;
  #packets = 0;
  #undecided = 0;
  #matched = 0;

  constructor(private readonly criteria: PacketCriteria) {}

  /** Packets that matched in the sections opened so far. */
  get matched(): number {
    return this.#matched;
  }

  get counts(): Pick<Completeness, 'sectionsScanned' | 'packetsScanned' | 'packetsUndecided'> {
    return {
      sectionsScanned: this.#sections,
      packetsScanned: this.#packets,
      packetsUndecided: this.#undecided,
    };
  }

  /** The packets of a section that match, in the order in which they were written. */
  open(stored: StoredSection): MatchedPacket[] {
    const { matched, packets, undecided } = this.#look(stored);
    this.#sections++;
    this.#packets += packets;
    this.#undecided += undecided;
    this.#matched += matched.length;
    return matched;
  }

  /** The same of a section that was opened before, and counted. */
  openAgain(stored: StoredSection): MatchedPacket[] {
    return this.#look(stored).matched;
  }

  #look(stored: StoredSection) {
    const { body } = stored;
    let packets = 0;
    let undecided = 0;
    const section: OpenSection = { agent: stored.agent, epoch: stored.epoch, seq: stored.seq, body };
    const lanes: Lane[] = [];
    const isInside = this.#isInside(stored);
    const matched: MatchedPacket[] = [];
    const packet = (packet: PacketCursor): void => {
      const lane = lanes[packet.interfaceId]!;
      if (!lane.predicate) return;
      // Its time is a bigint made anew at each reading: most sections lie inside the range as a whole.
      if (!isInside && !this.#isInRange(packet.atNs)) return;
      packets++;
      const verdict = lane.predicate(body, packet);
      if (verdict === 'no') return;
      if (verdict === 'undecided') undecided++;
      else matched.push(matchedPacket(section, lane.interface, packet));
    };
    scanSection(body, { interface: (described) => lanes.push(this.#laneOf(described)), packet });
    return { matched, packets, undecided };
  }

  /** Without a predicate the interface's packets are none of the query's business. */
  #laneOf(described: SectionInterface): Lane {
    const filters = filtersOf(described.description);
    const { linkType, version, predicateOf } = this.criteria;
    const isAsked =
      (linkType === undefined || linkType === described.linkType) &&
      (version === undefined || filters.some((filter) => filter === version || filter.startsWith(`${version}@`)));
    return {
      interface: { ...described, filters },
      predicate: isAsked ? predicateOf(described.linkType, described.direction) : undefined,
    };
  }

  #isInside({ tsMinNs, tsMaxNs }: StoredSection): boolean {
    return this.#isInRange(tsMinNs) && this.#isInRange(tsMaxNs);
  }

  #isInRange(atNs: bigint): boolean {
    return atNs >= this.criteria.sinceNs && atNs < this.criteria.untilNs;
  }
}

const matchedPacket = (
  section: OpenSection,
  openInterface: OpenInterface,
  { index, atNs, start, capturedLength, wireLength }: PacketCursor,
): MatchedPacket => ({ section, interface: openInterface, index, atNs, start, capturedLength, wireLength });
