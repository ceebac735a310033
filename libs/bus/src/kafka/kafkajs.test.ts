import { createRequire } from 'node:module';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { kafkajs } from './kafkajs.js';

const require = createRequire(import.meta.url);

/** kafkajs's own modules, to see that our changes are in the places that it uses. */
interface Encoder {
  readonly buffer: Buffer;
}
interface WritingEncoder extends Encoder {
  size(): number;
  writeInt8(value: number): this;
  writeInt32(value: number): this;
  writeBytes(value: Buffer): this;
  writeBuffer(value: Buffer): this;
  writeEncoder(value: WritingEncoder): this;
  writeArray(values: readonly WritingEncoder[]): this;
}
interface ConsumerGroup {
  lastRequest: number;
  memberId: string;
  coordinator: object;
  heartbeat(options: { interval: number }): Promise<void>;
}
type EncodeBatch = (options: object) => Promise<Encoder>;
interface RequestQueue {
  readonly throttleCheckTimeoutId: unknown;
  throttledUntil: number;
  pending: object[];
  readonly inflight: Map<number, object>;
  enforceRequestTimeout: boolean;
  isConnected(): boolean;
  scheduleRequestTimeoutCheck(): void;
  sendSocketRequest(request: { send: () => void; expectResponse: boolean }): void;
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

  it('encodes requests as it did, whatever the sizes of what is in them', () => {
    const bytes = (length: number) =>
      Buffer.from(Uint8Array.from({ length }, (_, index) => (index * 7 + length) & 0xff));
    const encoder = () => new (require('kafkajs/src/protocol/encoder') as new () => WritingEncoder)();
    fc.assert(
      fc.property(
        fc.array(fc.nat(20_000), { maxLength: 12 }),
        fc.array(fc.nat(9000), { maxLength: 4 }),
        (outer, inner) => {
          const within = encoder();
          for (const length of inner) within.writeBytes(bytes(length)).writeInt32(length);
          const around = encoder().writeInt32(1);
          for (const length of outer)
            around
              .writeBytes(bytes(length))
              .writeInt8(length & 0x7f)
              .writeEncoder(within);
          const sized = (parts: Buffer[]) => Buffer.concat(parts);
          const bytesOf = (length: number) => sized([int32(length), bytes(length)]);
          const withinBytes = sized(inner.flatMap((length) => [bytesOf(length), int32(length)]));
          const rest = outer.flatMap((length) => [bytesOf(length), Buffer.from([length & 0x7f]), withinBytes]);
          const expected = sized([int32(1), ...rest]);
          expect(around.size()).toBe(expected.length);
          expect(around.buffer.equals(expected)).toBe(true);
          // Again, and behind it: what was put together stays.
          expect(around.writeInt32(7).buffer.equals(sized([expected, int32(7)]))).toBe(true);
          expect(
            encoder()
              .writeArray([around, within])
              .buffer.equals(sized([int32(2), around.buffer, withinBytes])),
          ).toBe(true);
        },
      ),
    );
  });

  it('does not copy large buffers from one encoder to the next', () => {
    const large = Buffer.alloc(100_000, 1);
    const encoder = () => new (require('kafkajs/src/protocol/encoder') as new () => WritingEncoder)();
    const { buffer } = encoder().writeEncoder(encoder().writeEncoder(encoder().writeBuffer(large)));
    expect(buffer).toBe(large);
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

  describe('late answers', () => {
    beforeEach(() => void vi.useFakeTimers());
    afterEach(() => void vi.useRealTimers());

    /** A queue that waits for an answer. */
    function waiting(requestTimeout: number) {
      const state = { looks: 0, isConnected: true };
      const queue = Object.assign(requestQueue(), {
        ...{ enforceRequestTimeout: true, requestTimeout },
        isConnected: () => ++state.looks > 0 && state.isConnected,
      });
      queue.scheduleRequestTimeoutCheck();
      const timeoutRequest = vi.fn();
      const sent = { sentAt: Date.now(), requestTimeout, timeoutRequest };
      const send = () => void queue.inflight.set(1, sent);
      queue.sendSocketRequest({ send, expectResponse: true });
      return { queue, state, timeoutRequest };
    }

    it('are given up a tenth of their time later at most, and not looked for once the connection is gone', () => {
      const { state, timeoutRequest } = waiting(1000);
      vi.advanceTimersByTime(1000);
      expect([state.looks, timeoutRequest.mock.calls.length]).toEqual([10, 0]);
      vi.advanceTimersByTime(100);
      expect(timeoutRequest).toHaveBeenCalledOnce();
      state.isConnected = false;
      vi.advanceTimersByTime(1000);
      expect([state.looks, vi.getTimerCount()]).toEqual([12, 0]);
    });

    it('are looked for once a second where they may take long', () => {
      const { queue, state } = waiting(30_000);
      vi.advanceTimersByTime(10_000);
      expect(state.looks).toBe(10);
      queue.destroy();
      expect(vi.getTimerCount()).toBe(0);
    });

    it('are not looked for while none is waited for, and are again with the next request', () => {
      const { queue, timeoutRequest } = waiting(1000);
      queue.inflight.clear();
      vi.advanceTimersByTime(100);
      expect(vi.getTimerCount()).toBe(0);
      const sent = { sentAt: Date.now(), requestTimeout: 1000, timeoutRequest };
      const send = () => {
        queue.inflight.set(2, sent);
        throw new Error('the socket is closed');
      };
      expect(() => queue.sendSocketRequest({ send, expectResponse: true })).toThrow('closed');
      vi.advanceTimersByTime(1100);
      expect(timeoutRequest).toHaveBeenCalledOnce();
      // The connection is made anew.
      queue.scheduleRequestTimeoutCheck();
      expect(vi.getTimerCount()).toBe(0);
    });
  });

  it('sends a heartbeat when one is due, also after the clock was set back', async () => {
    const beats: number[] = [];
    const member = consumerGroup(() => beats.push(beats.length));
    await member.heartbeat({ interval: 60_000 });
    expect(beats).toHaveLength(0);
    member.lastRequest = Date.now() - 60_000;
    await member.heartbeat({ interval: 60_000 });
    expect(beats).toHaveLength(1);
    member.lastRequest = Date.now() + 3_600_000;
    await member.heartbeat({ interval: 60_000 });
    await member.heartbeat({ interval: 60_000 });
    expect(beats).toHaveLength(2);
  });

  it('knows snappy', () => {
    expect(kafkajs.CompressionCodecs[kafkajs.CompressionTypes.Snappy]?.()).toHaveProperty('decompress');
  });
});

const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};

function requestQueue(): RequestQueue {
  const Queue = require('kafkajs/src/network/requestQueue') as new (options: object) => RequestQueue;
  const logger = { debug: () => undefined };
  return new Queue({ maxInFlightRequests: 0, requestTimeout: 1_000, clientId: 'test', broker: 'test', logger });
}

/** A member that is in a group. */
function consumerGroup(onBeat: () => void): ConsumerGroup {
  const Group = require('kafkajs/src/consumer/consumerGroup') as new (options: object) => ConsumerGroup;
  const logger = { namespace: () => ({}) };
  const group = new Group({ logger, groupId: 'group', instrumentationEmitter: { emit: () => undefined } });
  return Object.assign(group, { memberId: 'me', coordinator: { heartbeat: async () => onBeat() } });
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
