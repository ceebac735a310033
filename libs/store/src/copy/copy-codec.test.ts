import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CopyDecoder, type CopyField } from './copy-decoder.js';
import { CopyEncoder } from './copy-encoder.js';

function decode(bytes: Buffer, cuts: readonly number[] = []): CopyField[][] {
  const decoder = new CopyDecoder();
  const rows: CopyField[][] = [];
  const borders = [...new Set([0, ...cuts.map((cut) => cut % bytes.byteLength), bytes.byteLength])].sort(
    (a, b) => a - b,
  );
  for (let index = 1; index < borders.length; index++) {
    rows.push(...decoder.push(bytes.subarray(borders[index - 1], borders[index])));
  }
  expect(decoder.isComplete).toBe(true);
  return rows;
}

describe('CopyEncoder', () => {
  it('writes the format of the PostgreSQL documentation', () => {
    const bytes = new CopyEncoder().begin().row(2).int2(-2).null().finish();
    const signature = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');
    const row = [0, 2, 0, 0, 0, 2, 0xff, 0xfe, 0xff, 0xff, 0xff, 0xff];
    expect(bytes).toEqual(Buffer.concat([signature, Buffer.alloc(8), Buffer.from(row), Buffer.from([0xff, 0xff])]));
  });

  it('keeps what it wrote when its buffer has to grow', () => {
    const encoder = new CopyEncoder(32).begin().row(2).text('before').bytes(Buffer.alloc(100_000, 7));
    expect(decode(encoder.finish())).toEqual([[Buffer.from('before'), Buffer.alloc(100_000, 7)]]);
  });

  it('starts anew with each batch', () => {
    const encoder = new CopyEncoder();
    encoder.begin().row(1).text('first').finish();
    expect(decode(encoder.begin().row(1).text('second').finish())).toEqual([[Buffer.from('second')]]);
  });

  it('replaces what Postgres refuses in text', () => {
    const bytes = new CopyEncoder().begin().row(1).text('a\0b\ud800c').finish();
    expect(decode(bytes)[0]![0]!.toString()).toBe('a\ufffdb\ufffdc');
  });

  it('refuses an address that is neither IPv4 nor IPv6', () => {
    expect(() => new CopyEncoder().begin().row(1).inet(new Uint8Array(5))).toThrow(RangeError);
  });

  it('writes any safe integer as the bigint it is', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        const bytes = new CopyEncoder().begin().row(2).int8FromNumber(value).int8(BigInt(value)).finish();
        const [fromNumber, fromBigint] = decode(bytes)[0]!;
        expect(fromNumber).toEqual(fromBigint);
        expect(fromBigint!.readBigInt64BE()).toBe(BigInt(value));
      }),
    );
  });
});

describe('CopyDecoder', () => {
  const anyRows = fc.array(fc.array(fc.option(fc.uint8Array({ maxLength: 300 })), { maxLength: 5 }), { maxLength: 8 });

  it('reads what the encoder wrote, wherever the chunks are cut', () => {
    fc.assert(
      fc.property(anyRows, fc.array(fc.nat()), (rows, cuts) => {
        const encoder = new CopyEncoder(16).begin();
        for (const fields of rows) {
          encoder.row(fields.length);
          for (const field of fields) field === null ? encoder.null() : encoder.bytes(field);
        }
        const expected = rows.map((fields) => fields.map((field) => (field === null ? null : Buffer.from(field))));
        expect(decode(Buffer.from(encoder.finish()), cuts)).toEqual(expected);
      }),
    );
  });

  it('is not complete without the trailer', () => {
    const bytes = new CopyEncoder().begin().row(1).text('x').finish();
    const decoder = new CopyDecoder();
    expect([...decoder.push(bytes.subarray(0, -1))]).toHaveLength(1);
    expect(decoder.isComplete).toBe(false);
  });
});
