import type { SectionName, StoredSection } from '@bpfleet/store';
import type { MatchedPacket, PacketScan } from './packet-scan.js';
import type { SectionReader } from './section-reader.js';

/** What a section costs beside its bytes (its interfaces), and each `MatchedPacket`: measured in V8, rounded up. */
const SECTION_BYTES = 1024;
const PACKET_BYTES = 128;

/** The sections of one query: looked at, and counted, once, and again as often as their packets did not fit into memory. */
export class ScannedSections implements SectionReader<StoredSection, MatchedPacket> {
  constructor(
    private readonly scan: PacketScan,
    readonly readAgain: (names: readonly SectionName[]) => Promise<readonly StoredSection[] | undefined>,
  ) {}

  open(section: StoredSection): MatchedPacket[] {
    return this.scan.open(section);
  }

  openAgain(section: StoredSection): MatchedPacket[] {
    return this.scan.openAgain(section);
  }

  sizeBytes(packets: readonly MatchedPacket[]): number {
    return SECTION_BYTES + packets[0]!.section.body.byteLength + packets.length * PACKET_BYTES;
  }

  /** Over a copy of their own bytes, where most of the section's would be kept for nothing. */
  shrunk(packets: readonly MatchedPacket[]): readonly MatchedPacket[] {
    const whole = packets[0]!.section;
    const bytes = packets.reduce((sum, { capturedLength }) => sum + capturedLength, 0);
    if (2 * bytes > whole.body.byteLength) return packets;
    const body = new Uint8Array(bytes);
    const section = { ...whole, body };
    let at = 0;
    return packets.map((packet) => {
      const start = at;
      body.set(whole.body.subarray(packet.start, packet.start + packet.capturedLength), start);
      at += packet.capturedLength;
      return { ...packet, section, start };
    });
  }
}
