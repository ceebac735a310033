import type { Slice } from './slice.js';

/** Of IPv6, whose length field leaves out the header. */
const LONGEST_PACKET_BYTES = 40 + 65_535;

/**
 * The packet that an ICMP error returns the head of. It was longer once: its end is left open for its own length to say.
 * @param present how many of its bytes the message has; all behind `at` when not given
 */
export function quotedPacket(message: Slice, at: number, present?: number): Slice {
  return message.part(at, present).goingOn(0, LONGEST_PACKET_BYTES);
}
