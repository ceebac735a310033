import { crc32 } from 'node:zlib';
import { LinkType, linkTypeNumber } from '@bpfleet/packet';
import type { SectionWriter } from '@bpfleet/section';
import type { CaptureTarget, ClosedSection } from './packet-source.js';

/** The packet at hand, as a source shows it: one object, filled anew for each packet, valid during the call. */
export interface CapturedPacket {
  readonly seconds: number;
  readonly nanoseconds: number;
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly capturedLength: number;
  readonly wireLength: number;
  /** The 802.1Q tag the kernel stripped into metadata, or undefined. */
  readonly vlan: { readonly tpid: number; readonly tci: number } | undefined;
}

/** A target as the open section knows it. */
export class Lane {
  /** Its interface id in the open section; -1 until it has a packet there. */
  interfaceId = -1;
  captured = 0;

  constructor(public target: CaptureTarget) {}
}

export interface KernelTotals {
  readonly passed: number;
  readonly dropped: number;
}

const VLAN_TAG_BYTES = 4;
/** A section is closed at this size (design: "Spool and sending"). */
const SECTION_BYTES = 64 * 1024;
/** Room for the largest packet behind a section that is just not full. */
export const SECTION_CAPACITY_BYTES = 512 * 1024;

/**
 * Appends packets to the open section and closes it when it is full or its flush window is over. One per agent, so
 * that `seq` has no gaps. Nothing is allocated per packet.
 */
export class SectionAssembler {
  #seq = 0;
  #captured = 0;
  #openedAtMs = 0;
  readonly #lanes = new Set<Lane>();
  readonly #versions = new Set<string>();
  flushWindowMs = 200;
  /** Kernel counters over all sockets since the agent started: asked for each section's ledger. */
  kernelTotals: () => KernelTotals = () => ({ passed: this.#captured, dropped: 0 });

  constructor(
    private readonly writer: SectionWriter,
    private readonly emit: (section: ClosedSection) => void,
  ) {
    writer.begin();
  }

  /** @param nowMs a monotonic clock */
  append(lane: Lane, packet: CapturedPacket, nowMs: number): void {
    if (!this.#tryAppend(lane, packet, nowMs)) {
      this.close();
      this.#tryAppend(lane, packet, nowMs);
    }
    lane.captured++;
    this.#captured++;
    if (this.writer.sizeBytes >= SECTION_BYTES) this.close();
  }

  #tryAppend(lane: Lane, packet: CapturedPacket, nowMs: number): boolean {
    const { seconds, nanoseconds, bytes, start, capturedLength, wireLength, vlan } = packet;
    if (this.writer.isEmpty) this.#openedAtMs = nowMs;
    if (lane.interfaceId < 0 && !this.#join(lane)) return false;
    // The kernel trims before the tag is put back: trim again, so that snaplen holds for the bytes that are stored.
    const room = vlan === undefined ? lane.target.snaplenBytes : lane.target.snaplenBytes - VLAN_TAG_BYTES;
    const kept = capturedLength < room ? capturedLength : room;
    return this.writer.append(lane.interfaceId, seconds, nanoseconds, bytes, start, kept, wireLength, vlan, 0);
  }

  #join(lane: Lane): boolean {
    const { target } = lane;
    const version = `${target.filter}@${target.version}`;
    lane.interfaceId = this.writer.addInterface({
      name: target.interface.name,
      linkType: linkTypeNumber(target.interface.linkType) ?? LinkType.EN10MB,
      description: version,
      filter: target.expression,
      digests: target.digest,
    });
    this.#lanes.add(lane);
    this.#versions.add(version);
    return lane.interfaceId >= 0;
  }

  closeIfDue(nowMs: number): void {
    if (!this.writer.isEmpty && nowMs - this.#openedAtMs >= this.flushWindowMs) this.close();
  }

  /** The lane's version changed: its packets need another interface block from here on. */
  relabel(lane: Lane, target: CaptureTarget): void {
    lane.target = target;
    lane.interfaceId = -1;
  }

  close(): void {
    if (!this.writer.isEmpty) this.#emit();
    for (const lane of this.#lanes) lane.interfaceId = -1;
    this.#lanes.clear();
    this.#versions.clear();
    this.writer.begin();
  }

  #emit(): void {
    const { packets, tsMinNs, tsMaxNs } = this.writer;
    const { passed, dropped } = this.kernelTotals();
    const ledger = {
      'kernel-passed': String(passed),
      'kernel-dropped': String(dropped),
      captured: String(this.#captured),
    };
    // A copy: it is handed to another thread, and the writer's buffer is used again at once.
    const bytes = this.writer.finish(ledger).slice();
    const filters = [...this.#versions];
    this.emit({ seq: this.#seq++, tsMinNs, tsMaxNs, packets, filters, crc32: crc32(bytes), bytes });
  }
}
