import { Slice } from './slice.js';

/** Of IPv6, whose length field leaves out the header. */
const LONGEST_PACKET_BYTES = 40 + 65_535;

/**
 * The packet that an ICMP error returns the head of. It was longer once: reading behind what is there is not a fault of
 * the packet, so its end on the wire is left open for its own length to say.
 */
export function quotedPacket(message: Slice, at: number): Slice {
  const start = message.start + at;
  return new Slice(message.bytes.subarray(0, message.end), start, message.end, start + LONGEST_PACKET_BYTES);
}
