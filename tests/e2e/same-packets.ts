import type { CapturedPacket } from '@bpfleet/section';

export interface Difference {
  readonly onlyStored: number;
  readonly onlyTcpdump: number;
  readonly otherLength: number;
  /** Pairs whose times are more than a millisecond apart. */
  readonly otherTime: number;
  readonly pairs: number;
}

const MAX_TIME_DIFFERENCE_NS = 1_000_000n;

/**
 * Pairs the packets of two captures of one interface by their bytes, equal ones in order of time, and says what is left
 * over. Order is not compared: two sockets take their own times of a packet, a few microseconds apart.
 */
export function compareCaptures(stored: readonly CapturedPacket[], tcpdump: readonly CapturedPacket[]): Difference {
  const theirs = byBytes(tcpdump);
  let onlyStored = 0;
  let otherLength = 0;
  let otherTime = 0;
  let pairs = 0;
  for (const [bytes, ours] of byBytes(stored)) {
    const others = theirs.get(bytes) ?? [];
    theirs.delete(bytes);
    for (const [i, packet] of ours.entries()) {
      const other = others[i];
      if (other === undefined) {
        onlyStored++;
        continue;
      }
      pairs++;
      if (packet.wireLength !== other.wireLength) otherLength++;
      const apart = packet.atNs - other.atNs;
      if (apart > MAX_TIME_DIFFERENCE_NS || -apart > MAX_TIME_DIFFERENCE_NS) otherTime++;
    }
    if (others.length > ours.length) theirs.set(bytes, others.slice(ours.length));
  }
  const onlyTcpdump = [...theirs.values()].reduce((sum, packets) => sum + packets.length, 0);
  return { onlyStored, onlyTcpdump, otherLength, otherTime, pairs };
}

function byBytes(packets: readonly CapturedPacket[]): Map<string, CapturedPacket[]> {
  const groups = new Map<string, CapturedPacket[]>();
  for (const packet of packets) {
    const key = Buffer.from(packet.bytes).toString('latin1');
    const group = groups.get(key);
    if (group) group.push(packet);
    else groups.set(key, [packet]);
  }
  for (const group of groups.values()) group.sort((a, b) => Number(a.atNs - b.atNs));
  return groups;
}
