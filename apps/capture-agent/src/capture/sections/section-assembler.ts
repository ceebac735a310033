import { MAX_FILTERS_CHARACTERS } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import {
  encodeInterface,
  type InterfaceDescription,
  type InterfaceStatistics,
  PacketFlag,
  type SectionWriter,
  SNAPLEN_BYTES,
  type VlanTag,
} from '@bpfleet/section';
import { crc32 } from '@node-rs/crc32';
import { anothersPacket, type MemberSet } from '../attribution/member-set.js';
import { PACKET_OUTGOING, type ReadPacket } from '../attribution/read-packet.js';
import { NOTHING_TOLD, type OpenSectionState, type ToldFigures } from './open-section.js';
import { type CopiesRuns, LEFT_OUT, type Run } from './run.js';
import type { ReadingPlace, SectionLane } from './section-lane.js';
import { type LedgerTotals, SectionLedger } from './section-ledger.js';
import type { SectionSink } from './section-sink.js';

const VLAN_TAG_BYTES = 4;
/** Of `CopiedRun.wants`. */
const WANTS_OUT = 2;
/** A section is closed at this size. */
const SECTION_BYTES = 64 * 1024;
/** One that fills sooner goes on growing, because each section costs something whatever its size. */
const SECTION_MIN_MS = 50;
/** Not beyond this size: whoever fetches or searches sections has one whole in memory. */
const SECTION_MAX_BYTES = 256 * 1024;
/** Room for the largest packet behind a section that is just not full. */
export const SECTION_CAPACITY_BYTES = 512 * 1024;

/**
 * Appends packets to the open section and closes it when it is full or its flush window is over. One per agent, so
 * that `seq` has no gaps. Nothing is allocated per packet.
 */
export class SectionAssembler {
  #seq = 0;
  #taken = 0;
  /** In sections that are closed. */
  #kept = 0;
  #openedAtMs = 0;
  #told: ToldFigures = NOTHING_TOLD;
  readonly #tag = { tpid: 0, tci: 0 };
  /** In the open section. */
  readonly #lanes: SectionLane[] = [];
  readonly #sets: MemberSet[] = [];
  readonly #versions = new Set<string>();
  #versionsCharacters = 0;
  readonly #ledger: SectionLedger;
  flushWindowMs = 200;

  constructor(
    private readonly writer: SectionWriter,
    private readonly sink: SectionSink,
    private readonly totals: () => LedgerTotals,
    /** Kept up to date with every packet, for the process after this one. */
    private readonly progress: OpenSectionState,
  ) {
    this.#ledger = new SectionLedger(writer.ledgerRoomBytes);
    this.#begin();
  }

  /** Packets read, of all lanes, those of lanes that are gone included. */
  get taken(): number {
    return this.#taken;
  }

  get isEmpty(): boolean {
    return this.writer.isEmpty;
  }

  /** When the open section has to be closed; undefined while there is none. */
  get dueAtMs(): number | undefined {
    return this.writer.isEmpty ? undefined : this.#openedAtMs + this.flushWindowMs;
  }

  /** The reader goes to another block. */
  enter({ socket, blockSequence, packets }: ReadingPlace): void {
    this.progress.enter(socket, blockSequence, packets, this.#taken);
  }

  /**
   * Stores the packet at hand for the set's members, unless the set is empty. In either case it is dealt with; one that is
   * another socket's is counted there.
   * @param nowMs a monotonic clock
   */
  take(lane: SectionLane, packet: ReadPacket, set: MemberSet, isUndecided: boolean, nowMs: number): void {
    if (set === anothersPacket) {
      lane.leave();
      this.progress.leave(this.writer.endBytes, lane.place.packets);
      return;
    }
    if (!set.isEmpty) {
      const flags = isUndecided ? packet.flags | PacketFlag.attributionUndecided : packet.flags;
      if (!this.#append(lane, packet, set, flags, nowMs)) {
        this.close();
        this.#append(lane, packet, set, flags, nowMs);
      }
    }
    lane.passed();
    this.#taken++;
    this.progress.commit(this.writer.endBytes, lane.place.packets);
    if (this.writer.sizeBytes >= SECTION_BYTES) this.#closeIfLarge(nowMs);
  }

  /**
   * The same for a run of packets, all of the one member of this set, which are in the ring of this copier.
   * @param copier that writes into the buffer of the open section
   */
  takeRun(lane: SectionLane, run: Run, set: MemberSet, copier: CopiesRuns, nowMs: number): void {
    while (run.packets > 0) {
      const copied = this.#appendRun(lane, run, set, copier, nowMs);
      if (this.writer.sizeBytes >= SECTION_BYTES) this.#closeIfLarge(nowMs);
      const { wants } = copier.results;
      if (wants > 0 && this.#interfaceOf(lane, set, wants === WANTS_OUT, nowMs) >= 0) continue;
      if (copied > 0 && wants === 0) continue;
      if (this.writer.isEmpty) throw new BpfleetError('INTERNAL', 'a packet of a ring has no room in an empty section');
      this.close();
    }
  }

  #closeIfLarge(nowMs: number): void {
    if (this.writer.sizeBytes >= this.#closesAtBytes(nowMs)) this.close();
  }

  #closesAtBytes(nowMs: number): number {
    return nowMs - this.#openedAtMs < SECTION_MIN_MS ? SECTION_MAX_BYTES : SECTION_BYTES;
  }

  /** @returns how many packets there was room for */
  #appendRun(lane: SectionLane, run: Run, set: MemberSet, copier: CopiesRuns, nowMs: number): number {
    const { writer } = this;
    const copied = copier.copy(run, {
      inId: set.inId,
      outId: run.skipsOutgoing ? LEFT_OUT : set.outId,
      snaplenBytes: Math.min(set.snaplenBytes, SNAPLEN_BYTES),
      startBytes: writer.endBytes,
      stopAtBytes: writer.endBytes + this.#closesAtBytes(nowMs) - writer.sizeBytes,
      limitBytes: writer.limitBytes,
      blockPackets: lane.place.packets,
    });
    if (copied === 0) return 0;
    const { results } = copier;
    writer.extend(results.endBytes, copied, results);
    const { counters } = set.members[0]!;
    counters.matched += copied;
    counters.stored += copied;
    counters.storedBytes += results.keptBytes;
    counters.truncated += results.truncated;
    lane.passed(copied);
    this.#taken += copied;
    return copied;
  }

  #append(lane: SectionLane, packet: ReadPacket, set: MemberSet, flags: number, nowMs: number): boolean {
    const id = this.#interfaceOf(lane, set, packet.packetType === PACKET_OUTGOING, nowMs);
    if (id < 0) return false;
    const kept = this.#write(id, packet, set, flags);
    if (kept < 0) return false;
    count(set, kept, kept < packet.wireLength);
    return true;
  }

  /** @returns the id of its packets' interface block in this section, or -1 when it has no room */
  #interfaceOf(lane: SectionLane, set: MemberSet, isOut: boolean, nowMs: number): number {
    if (this.writer.isEmpty) this.#openedAtMs = nowMs;
    if (lane.interfaceId < 0 && !this.#join(lane)) return -1;
    const id = isOut ? set.outId : set.inId;
    return id >= 0 ? id : this.#joinSet(lane, set, isOut);
  }

  /** @returns how many bytes were kept, or -1 when the section has no room */
  #write(id: number, packet: ReadPacket, set: MemberSet, flags: number): number {
    const { capturedLength, vlanTagPresent } = packet;
    // The kernel trims before the tag is put back: trim again, so that snaplen holds for the bytes that are stored.
    const room = vlanTagPresent ? set.snaplenBytes - VLAN_TAG_BYTES : set.snaplenBytes;
    const kept = capturedLength < room ? capturedLength : room;
    const { seconds, nanoseconds, bytes, start, wireLength } = packet;
    let tag: VlanTag | undefined;
    if (vlanTagPresent) {
      this.#tag.tpid = packet.vlanProtocol;
      this.#tag.tci = packet.vlanTci;
      tag = this.#tag;
    }
    const fits = this.writer.append(id, seconds, nanoseconds, bytes, start, kept, wireLength, tag, flags);
    return fits ? kept : -1;
  }

  /** The interface itself, with its statistics; its packets stand under blocks of their own, one per set of versions. */
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

  closeIfDue(nowMs: number): void {
    const dueAtMs = this.dueAtMs;
    if (dueAtMs !== undefined && nowMs >= dueAtMs) this.close();
  }

  /** Hands the open section over, if it has packets. Whatever was read is safe then. */
  close(): void {
    if (!this.writer.isEmpty) this.#emit();
    for (const lane of this.#lanes) lane.interfaceId = -1;
    for (const set of this.#sets) {
      set.inId = -1;
      set.outId = -1;
    }
    this.#lanes.length = 0;
    this.#sets.length = 0;
    this.#versions.clear();
    this.#versionsCharacters = 0;
    this.#begin();
  }

  /**
   * Closes the open section; figures that none has told by then go into one without packets: no other may follow.
   * @param atNs Unix time
   */
  conclude(atNs: bigint): void {
    this.close();
    const { taken, kernelDropped } = this.totals();
    if (taken === this.#told.taken && kernelDropped === this.#told.dropped) return;
    this.#emit(atNs);
    this.#begin();
  }

  #begin(): void {
    this.writer.begin();
    this.progress.begin(this.#seq, this.writer.endBytes, this.#told);
  }

  /** @param emptyAtNs when it is, without packets */
  #emit(emptyAtNs = 0n): void {
    const { packets, isEmpty } = this.writer;
    const [tsMinNs, tsMaxNs] = isEmpty ? [emptyAtNs, emptyAtNs] : [this.writer.tsMinNs, this.writer.tsMaxNs];
    for (const lane of this.#lanes) {
      this.writer.addStatistics(lane.interfaceId, statisticsOf(lane));
    }
    this.#kept += packets;
    const totals = this.totals();
    this.#told = { kept: this.#kept, taken: totals.taken, dropped: totals.kernelDropped };
    const ledger = this.#ledger.of(totals, this.#kept, this.#sets, this.#openedAtMs);
    const bytes = this.writer.finish(ledger);
    this.sink.write({
      seq: this.#seq++,
      tsMinNs,
      tsMaxNs,
      packets,
      filters: [...this.#versions],
      crc32: crc32(bytes),
      bytes,
    });
  }
}

/** By index: an iterator per packet costs more than the counting. */
function count({ members }: MemberSet, keptBytes: number, isTruncated: boolean): void {
  for (let index = 0; index < members.length; index++) {
    const { counters } = members[index]!;
    counters.stored++;
    counters.storedBytes += keptBytes;
    if (isTruncated) counters.truncated++;
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
