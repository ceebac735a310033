import type { Packet } from '@bpfleet/bpf';
import { Random } from '../random.js';
import { run } from './machine.js';
import { formFor, type Theirs } from './oracle.js';

const LONGER_PACKETS = 32;
/** Farther than any header reaches; what an expression calculates may reach farther, and is then not explained. */
const MORE_BYTES = 1_200;

/**
 * Whether `value` is what libpcap's plain form says of every longer packet that begins with these bytes. Then the loads
 * outside of this one decide nothing: our optimiser left their questions out, libpcap's did not see that it could.
 */
export function isAnswerOfLonger(theirs: Theirs, packet: Packet, value: number): boolean {
  // Always the same bytes: a shrunk difference must stay one.
  const random = new Random(packet.wireLength);
  for (let count = 0; count < LONGER_PACKETS; count++) {
    const { value: other, ending } = run(formFor(theirs, packet).plain, lengthened(packet, random));
    if (ending !== 'return' || other !== value) return false;
  }
  return true;
}

function lengthened(packet: Packet, random: Random): Packet {
  const kept = packet.bytes.subarray(packet.start, packet.start + packet.capturedLength);
  const length = kept.length + MORE_BYTES;
  const bytes = Uint8Array.from({ length }, () => random.of([0, 0xff, random.below(256)]));
  bytes.set(kept);
  return { ...packet, bytes, start: 0, capturedLength: length, wireLength: length };
}
