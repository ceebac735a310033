import type { Completeness } from '@bpfleet/contract';
import { LinkType } from '@bpfleet/packet';
import { type PacketCursor, type SectionInterface, scanSection } from '@bpfleet/section';
import type { StoredSection } from '@bpfleet/store';
import { filtersOf } from '../filter-labels.js';
import type { PacketPredicate, PacketPredicates } from './packet-verdict.js';
import { PacketSieve } from './sieve/packet-sieve.js';
import { LANE } from './sieve/sieve-code.js';

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

/** One section that is looked at. */
class Looked {
  readonly lanes: Lane[] = [];
  readonly matched: MatchedPacket[] = [];
  packets = 0;
  undecided = 0;
  readonly #section: OpenSection;

  constructor({ agent, epoch, seq, body }: StoredSection) {
    this.#section = { agent, epoch, seq, body };
  }

  /** A packet of an interface that has a predicate. */
  judge(packet: PacketCursor): void {
    const verdict = this.lanes[packet.interfaceId]!.predicate!(this.#section.body, packet);
    if (verdict === 'yes') this.matches(packet);
    else if (verdict === 'undecided') this.undecided++;
  }

  matches(packet: PacketCursor): void {
    this.matched.push(matchedPacket(this.#section, this.lanes[packet.interfaceId]!.interface, packet));
  }
}

function sieveOf({ ethernetProgram }: PacketPredicates): PacketSieve | 'none' {
  const program = ethernetProgram?.();
  return (program && PacketSieve.of(program)) ?? 'none';
}

/** Opens sections for one query and counts what it saw. */
export class PacketScan {
  #sections = 0;
  #packets = 0;
  #undecided = 0;
  #matched = 0;
  /** Made when the first section comes. */
  #sieve: PacketSieve | 'none' | undefined;

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

  #look(stored: StoredSection): Looked {
    // Its time is a bigint made anew at each reading: most sections lie inside the range as a whole.
    const isInside = this.#isInside(stored);
    return (isInside ? this.#sifted(stored) : undefined) ?? this.#lookAtEach(stored, isInside);
  }

  /** undefined: there is no sieve for the question, or this section is not as the sieve takes them. */
  #sifted(stored: StoredSection): Looked | undefined {
    this.#sieve ??= sieveOf(this.criteria.predicateOf);
    if (this.#sieve === 'none') return undefined;
    const looked = new Looked(stored);
    const packets = this.#sieve.pass(stored.body, {
      interface: (described) => {
        const lane = this.#laneOf(described);
        looked.lanes.push(lane);
        if (lane.predicate === undefined) return LANE.none;
        return described.linkType === LinkType.EN10MB ? LANE.program : LANE.other;
      },
      packet: (packet, matches) => (matches ? looked.matches(packet) : looked.judge(packet)),
    });
    if (packets === undefined) return undefined;
    looked.packets = packets;
    return looked;
  }

  #lookAtEach(stored: StoredSection, isInside: boolean): Looked {
    const looked = new Looked(stored);
    scanSection(stored.body, {
      interface: (described) => looked.lanes.push(this.#laneOf(described)),
      packet: (packet) => {
        if (!looked.lanes[packet.interfaceId]!.predicate) return;
        if (!isInside && !this.#isInRange(packet.atNs)) return;
        looked.packets++;
        looked.judge(packet);
      },
    });
    return looked;
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
