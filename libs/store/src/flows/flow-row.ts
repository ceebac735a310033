/** What went from one end of a flow to the other within one minute. Times in Unix ns. */
export interface FlowDirection {
  readonly firstNs: bigint;
  readonly lastNs: bigint;
  readonly packets: number;
  /** As on the wire, not as captured. */
  readonly bytes: number;
  /** All flags seen, or-ed. */
  readonly tcpFlags: number;
}

/** Packets of one 5-tuple that were captured within one minute, and those of the same minute that went back. */
export interface FlowRow extends FlowDirection {
  readonly agent: string;
  /** The versions that stored these packets, each packet all of them: `web@3,dns@1`. */
  readonly filters: string;
  /** For each of them how many packets one stands for: `1,10`; empty where all are 1. */
  readonly weights: string;
  /** 4 or 16 bytes. */
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  /** -1 where the protocol has no ports, in later fragments, and where they were cut off. */
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly protocol: number;
  /** False behind VLAN tags or extension headers, which a filter expression sees and this row does not tell. */
  readonly isPlain: boolean;
  /** From `destination` to `source`; undefined: nothing. */
  readonly back?: FlowDirection | undefined;
}

/** Packets and bytes of a flow, whichever way they went. */
export const bothWays = ({ packets, bytes, back }: FlowRow): Pick<FlowDirection, 'packets' | 'bytes'> =>
  back === undefined ? { packets, bytes } : { packets: packets + back.packets, bytes: bytes + back.bytes };

/** Each direction of a flow as a row of its own, as `analytics.flow_direction` has them. */
export function directionsOf({ back, ...there }: FlowRow): FlowRow[] {
  if (back === undefined) return [there];
  const { source, destination, sourcePort, destinationPort } = there;
  const turned = { source: destination, destination: source, sourcePort: destinationPort, destinationPort: sourcePort };
  return [there, { ...there, ...turned, ...back }];
}

/** What one minute or hour has of one agent and one list of versions. */
export interface FlowBucket {
  /** Unix ns of the begin of its minute or hour. */
  readonly bucketNs: bigint;
  readonly agent: string;
  readonly filters: string;
  readonly weights: string;
}

/** Packets without a flow, which are counted all the same. */
export interface OtherPackets extends FlowBucket {
  readonly packets: number;
  readonly bytes: number;
  /** Of these, what may be IP: with headers that are damaged or were cut off. All else is not. */
  readonly unclearPackets: number;
  readonly unclearBytes: number;
}

/** Sums of the flows, and of other packets, of one bucket. */
export interface FlowSumRow extends FlowBucket {
  /** Of all, those without a flow included. */
  readonly packets: number;
  readonly bytes: number;
  readonly otherPackets: number;
  readonly otherBytes: number;
  /** Of the other ones. */
  readonly unclearPackets: number;
  readonly unclearBytes: number;
  /** As `sums.ts` writes them. */
  readonly services: Uint8Array;
  readonly hosts: Uint8Array;
}

/** The flows of the sections up to `next`, not included, that are not in the store yet. */
export interface FlowFlush {
  readonly next: bigint;
  readonly flows: readonly FlowRow[];
  readonly minutes: readonly FlowSumRow[];
}

export const MINUTE_NS = 60_000_000_000n;
export const TEN_MINUTES_NS = 10n * MINUTE_NS;
export const HOUR_NS = 60n * MINUTE_NS;
