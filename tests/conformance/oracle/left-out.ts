import type { Packet } from '@bpfleet/bpf';
import { Random } from '../random.js';
import { type Run, run as runPlain } from './machine.js';
import { formFor, type Theirs } from './oracle.js';

const LONGER_PACKETS = 32;
const ENOUGH = 4;
/** Farther than a length of 16 bits reaches, and headers behind it. */
const LONGER_BYTES = 0x1_0000 + 4096;
/** Where a longer packet's bytes come from: always the same, since a shrunk difference must stay one. */
const POOL = noise(2 * LONGER_BYTES);

/**
 * Whether `value` is what libpcap's plain form says of every longer packet that begins with these bytes and in which all its
 * loads are inside. Then the loads outside of this one decide nothing: our optimiser left their questions out, libpcap's did
 * not see that it could.
 */
export function isAnswerOfLonger(theirs: Theirs, packet: Packet, value: number): boolean {
  const form = formFor(theirs, packet);
  const runs = Array.from({ length: LONGER_PACKETS }, (_, count) =>
    runPlain(form.plain, lengthened(packet, count * 997)),
  );
  // Not of those in which an offset, calculated from the missing bytes, leads outside again.
  const ended = runs.filter(({ ending }) => ending !== 'outside' && ending !== 'wild');
  // What has no meaning for the rule has none here.
  const agrees = ({ ending, ...run }: Run) => ending === 'unset' || ending === 'long chain' || run.value === value;
  return ended.length >= ENOUGH && ended.every(agrees);
}

/** The length on the wire stays as it was: expressions may ask for it. */
function lengthened(packet: Packet, from: number): Packet {
  const bytes = POOL.slice(from, from + LONGER_BYTES);
  bytes.set(packet.bytes.subarray(packet.start, packet.start + packet.capturedLength));
  return { ...packet, bytes, start: 0, capturedLength: LONGER_BYTES };
}

/** Zeros, ones and random bytes, a few of each in a row: offsets and lengths are then often small. */
function noise(length: number): Uint8Array {
  const random = new Random(1);
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; ) {
    const end = Math.min(length, at + 1 + random.below(16));
    const kind = random.of([0, 0xff, undefined]);
    while (at < end) bytes[at++] = kind ?? random.below(256);
  }
  return bytes;
}
