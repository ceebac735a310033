import type { Message } from 'kafkajs';
import type { BusRecord } from '../bus.js';
import { maxMessageBytes } from '../record-limits.js';

/** Lengths, deltas and the batch's header, generously: a record has at most some ten headers. */
const RECORD_OVERHEAD_BYTES = 256;

/**
 * Splits records into produce requests. kafkajs makes one record batch per partition of a request, and the topic's limit
 * is on the batch, so a request holds what fits one batch even if it does not compress. A record beyond that goes alone.
 */
export function requestsOf(records: readonly BusRecord[]): Message[][] {
  const requests: Message[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const record of records) {
    const size = bytesOf(record);
    if (bytes + size > maxMessageBytes) {
      requests.push([]);
      bytes = 0;
    }
    bytes += size;
    requests.at(-1)?.push(messageOf(record));
  }
  return requests;
}

function bytesOf({ key, value, headers }: BusRecord): number {
  let bytes = RECORD_OVERHEAD_BYTES + value.byteLength + Buffer.byteLength(key);
  for (const [name, text] of Object.entries(headers)) bytes += Buffer.byteLength(name) + Buffer.byteLength(text) + 4;
  return bytes;
}

function messageOf({ key, value, headers }: BusRecord): Message {
  return { key, value: Buffer.from(value.buffer, value.byteOffset, value.byteLength), headers: { ...headers } };
}
