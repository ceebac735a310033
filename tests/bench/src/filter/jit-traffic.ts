import { type Frame, liveFrames, type Random, seededRandom } from '@bpfleet/test-environment/live-traffic';

/** Packets behind each other in one piece of memory, as in a ring's block. */
export interface PackedPackets {
  readonly bytes: Uint8Array;
  readonly starts: Uint32Array;
  readonly lengths: Uint32Array;
  /** Source addresses of the IPv4 packets among them, in order. */
  readonly sources: readonly string[];
}

/** Captures of mixed traffic have frames of 320 bytes in the mean; so have these, cut at their end. */
const LONGEST = 580;
const ARP = { share: 0.1, etherType: 0x0806 } as const;
/** So that a little less than half is IPv4. */
const IPV6 = 0.47;

/** Distinct frames of mixed traffic: a little less than half is IPv4, the others are IPv6 and ARP of the same sizes. */
export function mixedPackets(count: number, seed: number): PackedPackets {
  const random = seededRandom(seed);
  const frames: Uint8Array[] = [];
  const sources: string[] = [];
  for (const frame of liveFrames(seed, { ipv6: IPV6, snaplenBytes: LONGEST })) {
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

function mixed({ bytes: frame, flow }: Frame, random: Random, sources: string[], number: number): Uint8Array {
  const view = new DataView(frame.buffer);
  // No two alike: the number stands in the source MAC address.
  view.setUint32(8, number);
  if (random() < ARP.share) view.setUint16(12, ARP.etherType);
  else if (!flow.source.includes(':')) sources.push(flow.source);
  return frame;
}
