import { HOUR_NS, MINUTE_NS, TEN_MINUTES_NS } from '../flows/flow-row.js';

/** Expressions of a row: its first packet's time and its last one's, in Unix ns. */
interface PacketTimes {
  readonly first: string;
  readonly last: string;
}

/** By partitioned table. */
export const packetTimes: Readonly<Record<string, PacketTimes>> = {
  section: { first: 'ts_min', last: 'ts_max' },
  flow: { first: 'LEAST(first_ns, back_first_ns)', last: 'GREATEST(last_ns, back_last_ns)' },
  flow_minute: bucketOf(MINUTE_NS),
  flow_ten_minutes: bucketOf(TEN_MINUTES_NS),
  flow_hour: bucketOf(HOUR_NS),
};

/** Of sums nobody knows more. The last bucket ends where a bigint does. */
function bucketOf(lengthNs: bigint): PacketTimes {
  return { first: 'bucket_ns', last: `(bucket_ns + LEAST(${lengthNs - 1n}, ${2n ** 63n - 1n} - bucket_ns))` };
}
