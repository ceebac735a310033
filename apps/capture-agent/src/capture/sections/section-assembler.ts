import { BpfleetError } from '@bpfleet/errors';
import { EPB, PacketFlag, padded, type SectionWriter, SNAPLEN_BYTES, type VlanTag } from '@bpfleet/section';
import { crc32 } from '@node-rs/crc32';
import { anothersPacket, type MemberSet } from '../attribution/member-set.js';
import { PACKET_OUTGOING, type ReadPacket } from '../attribution/read-packet.js';
import { NOTHING_TOLD, type OpenSectionState, type ToldFigures } from './open-section.js';
import { type CopiedRun, type CopiesRuns, LEFT_OUT, type Run } from './run.js';
import { SectionInterfaces } from './section-interfaces.js';
import type { ReadingPlace, SectionLane } from './section-lane.js';
import { type LedgerTotals, SectionLedger } from './section-ledger.js';
import type { SectionSink } from './section-sink.js';

const VLAN_TAG_BYTES = 4;
/** Of `CopiedRun.wants`. */
const WANTS_OUT = 2;
/** Of an EPB without packet or options. */
const EPB_BYTES = EPB.data + 4;
/** An interface block is never larger: it names versions, digests and weights of as many members as a socket has. */
const MOST_BLOCK_BYTES = 240 * 1024;
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
  readonly #interfaces: SectionInterfaces;
  readonly #ledger: SectionLedger;
  flushWindowMs = 200;

  constructor(
    private readonly writer: SectionWriter,
    private readonly sink: SectionSink,
    private readonly totals: () => LedgerTotals,
    /** Kept up to date with every packet, for the process after this one. */
    private readonly progress: OpenSectionState,
  ) {
    this.#interfaces = new SectionInterfaces(writer);
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

  /**
   * As `take`, for a packet in the ring of this copier that a set keeps: it is copied with those behind it. `takePlanned` comes
   * before anything else is asked of the assembler.
   * @param at where in the ring the packet's header is
   */
  plan(lane: SectionLane, packet: ReadPacket, at: number, set: MemberSet, copier: CopiesRuns, nowMs: number): void {
    const { writer } = this;
    const { plan } = copier;
    const { capturedLength, wireLength } = packet;
    const room = set.snaplenBytes < SNAPLEN_BYTES ? set.snaplenBytes : SNAPLEN_BYTES;
    const kept = capturedLength < room ? capturedLength : room;
    const bytes = EPB_BYTES + padded(kept);
    const isOut = packet.packetType === PACKET_OUTGOING;
    let id = isOut ? set.outId : set.inId;
    if (id < 0 && writer.endBytes + plan.bytes + MOST_BLOCK_BYTES <= writer.limitBytes) {
      // In front of what is planned, which is behind the end of the section still.
      id = this.#interfaceOf(lane, set, isOut, nowMs);
    }
    if (id < 0 || plan.isFull || writer.endBytes + plan.bytes + bytes > writer.limitBytes) {
      this.takePlanned(lane, copier);
      id = this.#interfaceWithRoom(lane, set, isOut, bytes, nowMs);
    }
    plan.add(at, id, kept, bytes);
    count(set, kept, kept < wireLength);
    const sizeBytes = writer.sizeBytes + plan.bytes;
    if (sizeBytes < SECTION_BYTES || sizeBytes < this.#closesAtBytes(nowMs)) return;
    this.takePlanned(lane, copier);
    this.close();
  }

  /** Copies what is planned, if anything is. */
  takePlanned(lane: SectionLane, copier: CopiesRuns): void {
    const planned = copier.plan.packets;
    if (planned === 0) return;
    const copied = copier.copyPlanned(this.writer.endBytes, this.writer.limitBytes, lane.place.packets);
    if (copied !== planned)
      throw new BpfleetError('INTERNAL', `of ${planned} packets ${copied} had room in the section`);
    this.#extend(lane, copied, copier.results);
  }

  /** @returns the id of an interface block behind which so many bytes have room, if need be in a new section */
  #interfaceWithRoom(lane: SectionLane, set: MemberSet, isOut: boolean, bytes: number, nowMs: number): number {
    const { writer } = this;
    const id = this.#interfaceOf(lane, set, isOut, nowMs);
    if (id >= 0 && writer.endBytes + bytes <= writer.limitBytes) return id;
    this.close();
    return this.#interfaceOf(lane, set, isOut, nowMs);
  }

  #extend(lane: SectionLane, packets: number, copied: CopiedRun): void {
    this.writer.extend(copied.endBytes, packets, copied);
    lane.passed(packets);
    this.#taken += packets;
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
    this.#extend(lane, copied, results);
    const { counters } = set.members[0]!;
    counters.matched += copied;
    counters.stored += copied;
    counters.storedBytes += results.keptBytes;
    counters.truncated += results.truncated;
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
    return this.#interfaces.idOf(lane, set, isOut);
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

  closeIfDue(nowMs: number): void {
    const dueAtMs = this.dueAtMs;
    if (dueAtMs !== undefined && nowMs >= dueAtMs) this.close();
  }

  /** Hands the open section over, if it has packets. Whatever was read is safe then. */
  close(): void {
    if (!this.writer.isEmpty) this.#emit();
    this.#interfaces.forget();
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
    this.#interfaces.writeStatistics();
    this.#kept += packets;
    const totals = this.totals();
    this.#told = { kept: this.#kept, taken: totals.taken, dropped: totals.kernelDropped };
    const ledger = this.#ledger.of(totals, this.#kept, this.#interfaces.sets, this.#openedAtMs);
    const bytes = this.writer.finish(ledger);
    this.sink.write({
      seq: this.#seq++,
      tsMinNs,
      tsMaxNs,
      packets,
      filters: this.#interfaces.versions,
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
