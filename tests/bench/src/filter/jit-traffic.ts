import { type Random, seededRandom } from '../random.js';
import { type Frame, traffic } from '../traffic.js';

/** Packets behind each other in one piece of memory, as in a ring's block. */
export interface PackedPackets {
  readonly bytes: Uint8Array;
  readonly starts: Uint32Array;
  readonly lengths: Uint32Array;
  /** Source addresses of the IPv4 packets among them, in order. */
  readonly sources: readonly string[];
}

/** Captures of mixed traffic have frames of 320 bytes in the mean; so have these, cut at their end. */
const LONGEST = 420;

/** Distinct frames of mixed traffic: a little less than half is IPv4, the others are IPv6 and ARP of the same sizes. */
export function mixedPackets(count: number, seed: number): PackedPackets {
  const random = seededRandom(seed);
  const frames: Uint8Array[] = [];
  const sources: string[] = [];
  for (const frame of traffic(random)) {
    frames.push(mixed(frame, random, sources, frames.length));
    if (frames.length === count) break;
  }
  const lengths = Uint32Array.from(frames, ({ length }) => length);
  const starts = new Uint32Array(count);
  let end = 0;
  for (const [index, { length }] of frames.entries()) {
    starts[index] = end;
    // Packets of a ring's block start at multiples of 16.
    end += (length + 15) & ~15;
  }
  const bytes = new Uint8Array(end);
  for (const [index, frame] of frames.entries()) bytes.set(frame, starts[index]);
  return { bytes, starts, lengths, sources };
}

function mixed({ bytes, flow }: Frame, random: Random, sources: string[], number: number): Uint8Array {
  const frame = bytes.slice(0, LONGEST);
  const view = new DataView(frame.buffer);
  const kind = random();
  // No two alike: the number stands in the source MAC address.
  view.setUint32(8, number);
  if (kind < 0.48) sources.push(flow.source);
  else if (kind < 0.9) {
    view.setUint16(12, 0x86dd);
    view.setUint32(14, 0x6000_0000);
    view.setUint16(18, Math.max(0, frame.length - 54));
    frame[20] = flow.isUdp ? 17 : 6;
    if (frame.length >= 58) {
      view.setUint16(54, flow.sourcePort);
      view.setUint16(56, flow.destinationPort);
    }
  } else view.setUint16(12, 0x0806);
  return frame;
}
