import { MAX_FILTERS_CHARACTERS } from '@bpfleet/contract';
import {
  encodeInterface,
  type InterfaceDescription,
  type InterfaceStatistics,
  type SectionWriter,
} from '@bpfleet/section';
import type { MemberSet } from '../attribution/member-set.js';
import type { SectionLane } from './section-lane.js';

/**
 * Interface blocks of the open section: one for each interface, with its statistics; and for its packets one for each set of
 * filter versions and each direction.
 */
export class SectionInterfaces {
  readonly #lanes: SectionLane[] = [];
  readonly #sets: MemberSet[] = [];
  readonly #versions = new Set<string>();
  #versionsCharacters = 0;

  constructor(private readonly writer: SectionWriter) {}

  get sets(): readonly MemberSet[] {
    return this.#sets;
  }

  /** `web@3`: of all packets of the section. */
  get versions(): string[] {
    return [...this.#versions];
  }

  /** @returns the id of its packets' interface block in this section, or -1 when it has no room */
  idOf(lane: SectionLane, set: MemberSet, isOut: boolean): number {
    if (lane.interfaceId < 0 && !this.#join(lane)) return -1;
    const id = isOut ? set.outId : set.inId;
    return id >= 0 ? id : this.#joinSet(lane, set, isOut);
  }

  /** Room for them was kept. */
  writeStatistics(): void {
    for (const lane of this.#lanes) this.writer.addStatistics(lane.interfaceId, statisticsOf(lane));
  }

  /** The section is closed: the next one has none yet. */
  forget(): void {
    for (const lane of this.#lanes) lane.interfaceId = -1;
    for (const set of this.#sets) {
      set.inId = -1;
      set.outId = -1;
    }
    this.#lanes.length = 0;
    this.#sets.length = 0;
    this.#versions.clear();
    this.#versionsCharacters = 0;
  }

  #join(lane: SectionLane): boolean {
    const { linkType } = lane;
    lane.block ??= encodeInterface({ name: lane.device.name, linkType });
    lane.interfaceId = this.writer.addEncodedInterface(lane.block, linkType);
    if (lane.interfaceId < 0) return false;
    this.#lanes.push(lane);
    return true;
  }

  /** Its packets' interface block; -1: the section has no room for it, or names too many versions. */
  #joinSet(lane: SectionLane, set: MemberSet, isOut: boolean): number {
    if (!this.#hasRoomForVersions(set)) return -1;
    let block = set.blockOf(isOut);
    if (block === undefined) {
      block = encodeInterface(descriptionOf(lane, set, isOut));
      set.keepBlock(isOut, block);
    }
    const id = this.writer.addEncodedInterface(block, lane.linkType);
    if (id < 0) return id;
    if (set.inId < 0 && set.outId < 0) this.#add(set);
    // Whoever sends packets decides which filters match together, and a set of many has a block of tens of KiB.
    for (const { budget } of set.members) budget.spend(Math.ceil(block.length / set.members.length));
    if (isOut) set.outId = id;
    else set.inId = id;
    return id;
  }

  /** Kafka's headers name all versions of a section. One set alone always fits. */
  #hasRoomForVersions({ versions }: MemberSet): boolean {
    let characters = this.#versionsCharacters;
    for (const version of versions) if (!this.#versions.has(version)) characters += version.length + 1;
    return characters <= MAX_FILTERS_CHARACTERS;
  }

  #add(set: MemberSet): void {
    this.#sets.push(set);
    for (const version of set.versions) {
      if (this.#versions.has(version)) continue;
      this.#versions.add(version);
      this.#versionsCharacters += version.length + 1;
    }
  }
}

function statisticsOf(lane: SectionLane): InterfaceStatistics {
  const counted = lane.statistics();
  if (counted === undefined) return { delivered: lane.taken, comment: SHARED };
  return { received: counted.passed, dropped: counted.dropped, delivered: lane.taken };
}
/** What the kernel counts is in the ledger, for all of them together. */
const SHARED = 'shared socket: see ledger';

function descriptionOf(lane: SectionLane, set: MemberSet, isOut: boolean): InterfaceDescription {
  const members = set.members.map(({ member }) => member);
  return {
    name: lane.device.name,
    linkType: lane.linkType,
    description: set.versions.join(','),
    filter: expressionOf(members),
    digests: members.map(({ digest }) => digest).join(','),
    samplingWeights: set.members.map(({ weight }) => weight),
    ...(lane.knowsDirection ? { direction: isOut ? 'out' : 'in' } : {}),
  };
}

const expressionOf = (members: readonly { readonly expression: string }[]): string =>
  members.length === 1
    ? members[0]!.expression
    : members.map(({ expression }) => `(${expression || 'len >= 0'})`).join(' or ');
