import { BpfleetError } from '@bpfleet/errors';
import type { BusRecord } from './bus.js';

/** The topic's `max.message.bytes`: of a compressed batch in Kafka, of one record's value in process. */
export const maxMessageBytes = 2 ** 20;

/** @throws BpfleetError `RECORD_INVALID` for a record that no bus takes, however often it is sent */
export function checkRecords(topic: string, records: readonly BusRecord[]): void {
  for (const { key, value } of records) {
    if (value.byteLength > maxMessageBytes) {
      throw new BpfleetError(
        'RECORD_INVALID',
        `a record of ${key} for ${topic} has ${value.byteLength} bytes, the limit is ${maxMessageBytes}`,
        { hint: 'send less in one record' },
      );
    }
  }
}
