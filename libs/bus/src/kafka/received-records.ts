import type { IHeaders, KafkaMessage } from 'kafkajs';
import type { ReceivedRecord } from '../bus.js';
import type { Unreadable } from './unreadable-batch.js';

/** kafkajs's messages as records. What others may have written there (no key, no value, a header twice) is made plain. */
export function receivedRecords(
  messages: readonly (KafkaMessage & { readonly unreadable?: Unreadable })[],
): ReceivedRecord[] {
  return messages.map(({ offset, key, value, headers, timestamp, unreadable }) => ({
    offset: BigInt(offset),
    key: key?.toString() ?? '',
    value: value ?? new Uint8Array(0),
    headers: plain(headers),
    timestampMs: Number(timestamp),
    ...(unreadable === undefined ? {} : { unreadable }),
  }));
}

function plain(headers: IHeaders | undefined): Record<string, string> {
  const entries = Object.entries(headers ?? {}).map(([name, value]) => {
    const last = Array.isArray(value) ? value.at(-1) : value;
    return [name, last?.toString() ?? ''];
  });
  return Object.fromEntries(entries) as Record<string, string>;
}
