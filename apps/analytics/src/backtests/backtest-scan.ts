import type { Backtest, PacketRow } from '@bpfleet/contract';
import { type PacketCursor, type SectionInterface, scanSection } from '@bpfleet/section';
import type { StoredSection } from '@bpfleet/store';
import { filtersOf } from '../filter-labels.js';
import { PacketRows } from '../packets/packet-row.js';
import type { OpenInterface, OpenSection } from '../packets/packet-scan.js';
import type { PacketPredicate, PacketPredicates, Verdict } from '../packets/packet-verdict.js';
import { type Difference, Tally } from './tally.js';

/** What is asked of each stored packet. Times in Unix ns, `untilNs` not included. */
export interface BacktestQuestion {
  readonly sinceNs: bigint;
  readonly untilNs: bigint;
  readonly predicateOf: PacketPredicates;
  readonly snaplenBytes: number;
  /** The version to compare with, `web@3`, and what its expression says. */
  readonly against: { readonly version: string; readonly predicateOf: PacketPredicates } | undefined;
  readonly samples: number;
}

interface Lane {
  readonly interface: OpenInterface;
  readonly predicate: PacketPredicate;
  /** Whether the version that is compared with stored the packets, and its expression, to ask of those that it did not. */
  readonly isKept: boolean;
  readonly versionPredicate: PacketPredicate | undefined;
}

/** Judges stored packets by a candidate, section by section, and counts what would be gained and lost. */
export class BacktestScan {
  readonly #total: Tally;
  readonly #agents = new Map<string, Tally>();
  readonly #storedBy = new Map<string, number>();
  readonly #rows = new PacketRows();
  readonly #gained: PacketRow[] = [];
  readonly #lost: PacketRow[] = [];
  #sections = 0;
  #packets = 0;
  #undecided = 0;

  constructor(private readonly question: BacktestQuestion) {
    this.#total = this.#tally();
  }

  get counts() {
    return { sectionsScanned: this.#sections, packetsScanned: this.#packets, packetsUndecided: this.#undecided };
  }

  get result(): Pick<Backtest, 'total' | 'agents' | 'gained' | 'lost' | 'storedBy'> {
    const agents = [...this.#agents].toSorted(([, a], [, b]) => b.matchedPackets - a.matchedPackets);
    const storedBy = [...this.#storedBy].toSorted(([, a], [, b]) => b - a);
    return {
      total: this.#total.counts,
      agents: agents.map(([agent, tally]) => ({ agent, ...tally.counts })),
      gained: this.#gained,
      lost: this.#lost,
      storedBy: storedBy.map(([version, packets]) => ({ version, packets })),
    };
  }

  add(stored: StoredSection): void {
    const { agent, epoch, seq, body } = stored;
    const section: OpenSection = { agent, epoch, seq, body };
    const tally = this.#agents.get(agent) ?? this.#tally();
    this.#agents.set(agent, tally);
    const isInside = this.#isInRange(stored.tsMinNs) && this.#isInRange(stored.tsMaxNs);
    const lanes: Lane[] = [];
    this.#sections++;
    scanSection(body, {
      interface: (described) => lanes.push(this.#laneOf(described)),
      packet: (packet) => {
        if (isInside || this.#isInRange(packet.atNs)) this.#judge(section, lanes[packet.interfaceId]!, packet, tally);
      },
    });
  }

  #judge(section: OpenSection, lane: Lane, packet: PacketCursor, tally: Tally): void {
    const { isKept } = lane;
    const verdict = lane.predicate(section.body, packet);
    this.#packets++;
    if (verdict === 'undecided') this.#undecided++;
    for (const version of lane.interface.filters) this.#storedBy.set(version, (this.#storedBy.get(version) ?? 0) + 1);
    const { wireLength, capturedLength } = packet;
    const difference = differenceOn(lane, verdict, section.body, packet);
    const judged = { verdict, isKept, difference, wireLength, capturedLength };
    tally.add(judged);
    this.#total.add(judged);
    if (difference === 'gained') this.#sample(this.#gained, section, lane, packet);
    if (difference === 'lost') this.#sample(this.#lost, section, lane, packet);
  }

  #sample(samples: PacketRow[], section: OpenSection, lane: Lane, packet: PacketCursor): void {
    if (samples.length >= this.question.samples) return;
    const { index, atNs, start, capturedLength, wireLength } = packet;
    const matched = { section, interface: lane.interface, index, atNs, start, capturedLength, wireLength };
    samples.push(this.#rows.rowOf(matched));
  }

  #laneOf(described: SectionInterface): Lane {
    const filters = filtersOf(described.description);
    const { against, predicateOf } = this.question;
    return {
      interface: { ...described, filters },
      predicate: predicateOf(described.linkType, described.direction),
      isKept: against !== undefined && filters.includes(against.version),
      versionPredicate: against?.predicateOf(described.linkType, described.direction),
    };
  }

  #tally(): Tally {
    return new Tally(this.question.snaplenBytes, this.question.against !== undefined);
  }

  #isInRange(atNs: bigint): boolean {
    return atNs >= this.question.sinceNs && atNs < this.question.untilNs;
  }
}

/**
 * What the version stored, its expression matched: the kernel said so. Of all else the expression is asked: what it matches was captured
 * where or when the version did not run, or sampled out, so that its being stored or not tells nothing of the candidate.
 */
function differenceOn(
  { isKept, versionPredicate }: Lane,
  candidate: Verdict,
  bytes: Uint8Array,
  packet: PacketCursor,
): Difference | undefined {
  if (versionPredicate === undefined) return undefined;
  if (isKept) return candidate === 'no' ? 'lost' : undefined;
  if (versionPredicate(bytes, packet) !== 'no') return 'notStoredByVersion';
  return candidate === 'yes' ? 'gained' : undefined;
}
