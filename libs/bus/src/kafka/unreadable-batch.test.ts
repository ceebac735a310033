import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import './kafkajs.js';
import { receivedRecords } from './received-records.js';

// kafkajs's own modules, to see that our change is in the place that it uses.
const require = createRequire(import.meta.url);
type Part = { readonly buffer: Buffer };
const { RecordBatch } = require('kafkajs/src/protocol/recordBatch/v0') as {
  RecordBatch: (options: object) => Promise<Part>;
};
const Record = require('kafkajs/src/protocol/recordBatch/record/v0') as (options: object) => Part;
const Decoder = require('kafkajs/src/protocol/decoder') as new (buffer: Buffer) => object;
const decodeMessages = require('kafkajs/src/protocol/requests/fetch/v4/decodeMessages') as (
  decoder: object,
) => Promise<Parameters<typeof receivedRecords>[0]>;

/** Byte offsets in a record batch v2. */
const [ATTRIBUTES, COUNT] = [21, 57];
const ZSTD = 4;

async function batch(firstOffset: number, values: readonly string[]): Promise<Buffer> {
  const records = values.map((value, offsetDelta) => Record({ offsetDelta, key: 'k', value: Buffer.from(value) }));
  const { buffer } = await RecordBatch({ firstOffset, lastOffsetDelta: values.length - 1, records });
  return Buffer.from(buffer);
}
async function answered(...batches: Buffer[]) {
  const bytes = Buffer.concat(batches);
  const length = Buffer.alloc(4);
  length.writeInt32BE(bytes.length);
  const records = receivedRecords(await decodeMessages(new Decoder(Buffer.concat([length, bytes]))));
  return records.map(({ offset, value, unreadable }) => unreadable ?? `${offset} ${Buffer.from(value)}`);
}
async function damaged(damage: (bytes: Buffer) => void): Promise<Buffer> {
  const bytes = await batch(2, ['c', 'd', 'e']);
  damage(bytes);
  return bytes;
}

describe('a batch that cannot be decoded', () => {
  it.each([
    { name: 'of a codec that is not here', damage: (bytes: Buffer) => bytes.writeInt16BE(ZSTD, ATTRIBUTES) },
    { name: 'that claims more records than it has', damage: (bytes: Buffer) => bytes.writeInt32BE(1 << 30, COUNT) },
    { name: 'whose records claim other lengths', damage: (bytes: Buffer) => bytes.fill(0xff, COUNT + 4) },
  ])('$name is one record that says so, and what is before and behind it is read', async ({ damage }) => {
    const answer = await answered(await batch(0, ['a', 'b']), await damaged(damage), await batch(5, ['f']));
    expect(answer).toEqual(['0 a', '1 b', { first: 2n, reason: expect.stringMatching(/./) }, '5 f']);
  });

  it('stands at the last offset of its records', async () => {
    const bytes = await damaged((one) => one.writeInt16BE(ZSTD, ATTRIBUTES));
    const length = Buffer.alloc(4);
    length.writeInt32BE(bytes.length);
    const [record] = receivedRecords(await decodeMessages(new Decoder(Buffer.concat([length, bytes]))));
    expect(record).toMatchObject({ offset: 4n, key: '', headers: {}, unreadable: { first: 2n } });
  });

  it('is not one that was cut off at the end of an answer', async () => {
    const [whole, next] = [await batch(0, ['a', 'b']), await batch(2, ['c'])];
    for (let cut = 1; cut < next.length; cut++) {
      expect(await answered(whole, next.subarray(0, next.length - cut))).toEqual(['0 a', '1 b']);
    }
  });
});
