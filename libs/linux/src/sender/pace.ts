/** How many packets a steady rate has made due after this long: the first at once, the second 1/rate later. */
export function duePackets(elapsedNs: bigint, packetsPerSecond: number): number {
  return Math.floor((Number(elapsedNs) * packetsPerSecond) / 1e9) + 1;
}
