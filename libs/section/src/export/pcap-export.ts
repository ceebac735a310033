import { SNAPLEN_BYTES } from '../format.js';
import type { ExportedPacket, WritePlace } from './exported-packet.js';

const NANOSECOND_MAGIC = 0xa1b23c4d;

/** The 24 bytes in front of a classic pcap file with ns times, little-endian (draft-ietf-opsawg-pcap 4). */
export function writePcapHeader(linkType: number): Uint8Array {
  const header = new Uint8Array(24);
  const view = new DataView(header.buffer);
  view.setUint32(0, NANOSECOND_MAGIC, true);
  view.setUint16(4, 2, true);
  view.setUint16(6, 4, true);
  view.setUint32(16, SNAPLEN_BYTES, true);
  view.setUint32(20, linkType, true);
  return header;
}

/** One record of such a file (draft-ietf-opsawg-pcap 5), a copy. Seconds are 32 bits: up to the year 2106. */
export function writePcapPacket(bytes: Uint8Array, packet: ExportedPacket): Uint8Array {
  const record = new Uint8Array(pcapPacketBytes(packet));
  placePcapPacket({ bytes: record, view: new DataView(record.buffer), at: 0 }, bytes, packet);
  return record;
}

const RECORD_HEADER_BYTES = 16;

/** Length of the record of a packet. */
export const pcapPacketBytes = ({ capturedLength }: Pick<ExportedPacket, 'capturedLength'>): number =>
  RECORD_HEADER_BYTES + capturedLength;

/** The same where there is room for `pcapPacketBytes`. */
export function placePcapPacket(
  { bytes: target, view, at }: WritePlace,
  bytes: Uint8Array,
  { atNs, start, capturedLength, wireLength }: ExportedPacket,
): void {
  view.setUint32(at, Number(atNs / 1_000_000_000n), true);
  view.setUint32(at + 4, Number(atNs % 1_000_000_000n), true);
  view.setUint32(at + 8, capturedLength, true);
  view.setUint32(at + 12, wireLength, true);
  target.set(bytes.subarray(start, start + capturedLength), at + RECORD_HEADER_BYTES);
}
