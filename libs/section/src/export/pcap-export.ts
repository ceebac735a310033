import { SNAPLEN_BYTES } from '../format.js';
import type { ExportedPacket } from './exported-packet.js';

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
  const record = new Uint8Array(16 + packet.capturedLength);
  const view = new DataView(record.buffer);
  view.setUint32(0, Number(packet.atNs / 1_000_000_000n), true);
  view.setUint32(4, Number(packet.atNs % 1_000_000_000n), true);
  view.setUint32(8, packet.capturedLength, true);
  view.setUint32(12, packet.wireLength, true);
  record.set(bytes.subarray(packet.start, packet.start + packet.capturedLength), 16);
  return record;
}
