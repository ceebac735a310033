/** Apache Kafka, "Record Batch": byte offsets from its start, as far as they are needed here. */
const BATCH = {
  firstOffset: 0,
  length: 8,
  behindLength: 12,
  lastOffsetDelta: 23,
  maxTimestamp: 35,
  records: 61,
} as const;

/** kafkajs's reader of one answer's bytes. */
export interface FetchDecoder {
  readonly buffer: Buffer;
  offset: number;
}
interface DecodedBatch {
  readonly records: readonly object[];
}
export type DecodeBatch = (decoder: FetchDecoder) => Promise<DecodedBatch>;

/** What stands in place of the messages of a batch that could not be decoded; its offset is the last of theirs. */
export interface Unreadable {
  /** Offset of the first of them. */
  readonly first: bigint;
  readonly reason: string;
}

/**
 * A batch of a codec that nobody here has, or whose bytes are damaged, ends kafkajs's consumer; the next one reads it again,
 * for ever. With this one message stands in for those that it cannot read, and the reader decides what to do about it.
 */
export function standingIn(decode: DecodeBatch): DecodeBatch {
  return async (decoder) => {
    const { buffer, offset: start } = decoder;
    // The last batch of an answer may be cut off: that is for kafkajs, which asks for it again.
    const isHead = buffer.length >= start + BATCH.records;
    const end = isHead
      ? start + BATCH.behindLength + buffer.readInt32BE(start + BATCH.length)
      : Number.POSITIVE_INFINITY;
    if (end > buffer.length) return decode(decoder);
    try {
      return await decode(decoder);
    } catch (error) {
      decoder.offset = end;
      return { records: [standIn(buffer.subarray(start, end), error)] };
    }
  };
}

function standIn(batch: Buffer, error: unknown): object {
  const first = batch.readBigInt64BE(BATCH.firstOffset);
  const unreadable: Unreadable = { first, reason: error instanceof Error ? error.message : String(error) };
  return {
    offset: String(first + BigInt(batch.readInt32BE(BATCH.lastOffsetDelta))),
    timestamp: String(batch.readBigInt64BE(BATCH.maxTimestamp)),
    ...{ key: null, value: null, headers: {}, isControlRecord: false, batchContext: { inTransaction: false } },
    unreadable,
  };
}
