import type { Slice } from './slice.js';

/** Of IPv6, whose length field leaves out the header. */
const LONGEST_PACKET_BYTES = 40 + 65_535;

/**
 * The packet that an ICMP error returns the head of. It was longer once: its end is left open for its own length to say.
 */
export function quotedPacket(message: Slice, at: number): Slice {
  return message.goingOn(at, LONGEST_PACKET_BYTES);
}
