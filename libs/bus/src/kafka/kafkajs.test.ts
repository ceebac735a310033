import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { kafkajs } from './kafkajs.js';

const require = createRequire(import.meta.url);

/** kafkajs's own modules, to see that our changes are in the places that it uses. */
interface Encoder {
  readonly buffer: Buffer;
}
type EncodeBatch = (options: object) => Promise<Encoder>;
interface RequestQueue {
  readonly throttleCheckTimeoutId: unknown;
  throttledUntil: number;
  pending: object[];
  checkPendingRequests(): void;
  destroy(): void;
}

describe('kafkajs, as changed', () => {
  it('is the version the changes were made for', () => {
    expect((require('kafkajs/package.json') as { version: string }).version).toBe('2.2.4');
  });

  it('puts the CRC32C of RFC 3720 into record batches, computed in native code', async () => {
    const native = require('@node-rs/crc32') as { crc32c: (bytes: Uint8Array) => number };
    const { RecordBatch } = require('kafkajs/src/protocol/recordBatch/v0') as { RecordBatch: EncodeBatch };
    const { crc32c } = native;
    const checked: number[] = [];
    native.crc32c = (bytes) => {
      checked.push(bytes.length);
      return crc32c(bytes);
    };
    try {
      const { buffer } = await RecordBatch({ records: [] });
      // Record batch v2: base offset 8, length 4, leader epoch 4, magic 1, then the CRC of all that follows it.
      expect(buffer.readUInt32BE(17)).toBe(slowCrc32c(buffer.subarray(21)));
      expect(checked).toEqual([buffer.length - 21]);
    } finally {
      native.crc32c = crc32c;
    }
  });

  it('sets no timer while no request waits', () => {
    const queue = requestQueue();
    queue.checkPendingRequests();
    expect(queue.throttleCheckTimeoutId).toBeNull();
  });

  it('still sends throttled requests when their time has come', () => {
    for (const state of [
      { pending: [{}], throttledUntil: Date.now() + 60_000 },
      { throttledUntil: Date.now() + 60_000 },
    ]) {
      const queue = Object.assign(requestQueue(), state);
      queue.checkPendingRequests();
      expect(queue.throttleCheckTimeoutId).not.toBeNull();
      queue.destroy();
    }
  });

  it('knows snappy', () => {
    expect(kafkajs.CompressionCodecs[kafkajs.CompressionTypes.Snappy]?.()).toHaveProperty('decompress');
  });
});

function requestQueue(): RequestQueue {
  const Queue = require('kafkajs/src/network/requestQueue') as new (options: object) => RequestQueue;
  const logger = { debug: () => undefined };
  return new Queue({ maxInFlightRequests: 0, requestTimeout: 1_000, clientId: 'test', broker: 'test', logger });
}

/** Bit by bit, from the definition: RFC 3720, appendix B.4, polynomial 0x1edc6f41 reflected. */
function slowCrc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}
