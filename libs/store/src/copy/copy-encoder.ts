/** PostgreSQL documentation, COPY, "Binary Format": signature, flags, length of the header extension. */
const HEADER = Buffer.concat([Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), Buffer.alloc(8)]);
/** A field count of -1. */
const TRAILER_BYTES = 2;
const NULL_LENGTH = -1;
/** `TEXTOID`, catalog/pg_type.dat */
const TEXT_OID = 25;
/** `INT4OID` */
const INT4_OID = 23;
/** `PGSQL_AF_INET`, `PGSQL_AF_INET6`, utils/inet.h */
const INET_FAMILY = { 4: 2, 16: 3 } as const;

/**
 * Writes rows as COPY … FROM STDIN (FORMAT binary) reads them, into one buffer that grows to the largest batch and is
 * used again. Each row says its number of fields, then come exactly as many.
 */
export class CopyEncoder {
  #bytes: Buffer;
  #view: DataView;
  #end = 0;

  constructor(initialBytes = 256 * 1024) {
    this.#bytes = Buffer.allocUnsafeSlow(initialBytes);
    this.#view = new DataView(this.#bytes.buffer);
  }

  begin(): this {
    this.#end = 0;
    const at = this.#claim(HEADER.byteLength);
    HEADER.copy(this.#bytes, at);
    return this;
  }

  row(fields: number): this {
    const at = this.#claim(2);
    this.#view.setInt16(at, fields);
    return this;
  }

  null(): this {
    const at = this.#claim(4);
    this.#view.setInt32(at, NULL_LENGTH);
    return this;
  }

  boolean(value: boolean): this {
    const at = this.#field(1);
    this.#view.setUint8(at, value ? 1 : 0);
    return this;
  }

  int2(value: number): this {
    const at = this.#field(2);
    this.#view.setInt16(at, value);
    return this;
  }

  int4(value: number): this {
    const at = this.#field(4);
    this.#view.setInt32(at, value);
    return this;
  }

  int8(value: bigint): this {
    const at = this.#field(8);
    this.#view.setBigInt64(at, value);
    return this;
  }

  /** A safe integer, without the detour over bigint. */
  int8FromNumber(value: number): this {
    const at = this.#field(8);
    const high = Math.floor(value / 2 ** 32);
    this.#view.setInt32(at, high);
    this.#view.setUint32(at + 4, value - high * 2 ** 32);
    return this;
  }

  bytes(value: Uint8Array): this {
    const at = this.#field(value.byteLength);
    this.#bytes.set(value, at);
    return this;
  }

  text(value: string): this {
    const clean = storable(value);
    // At most three bytes for each UTF-16 unit.
    const lengthAt = this.#claim(4 + clean.length * 3);
    const length = this.#bytes.write(clean, lengthAt + 4, 'utf8');
    this.#view.setInt32(lengthAt, length);
    this.#end = lengthAt + 4 + length;
    return this;
  }

  textArray(values: readonly string[]): this {
    const lengthAt = this.#claim(4);
    const start = this.#end;
    this.#arrayHead(values.length, TEXT_OID);
    for (const value of values) this.text(value);
    this.#view.setInt32(lengthAt, this.#end - start);
    return this;
  }

  int4Array(values: readonly number[]): this {
    const lengthAt = this.#claim(4);
    const start = this.#end;
    this.#arrayHead(values.length, INT4_OID);
    for (const value of values) this.int4(value);
    this.#view.setInt32(lengthAt, this.#end - start);
    return this;
  }

  /** `inet_recv`: family, prefix length, is a network, address length, address. */
  inet(address: Uint8Array): this {
    const length = address.byteLength;
    if (length !== 4 && length !== 16) throw new RangeError(`an address of ${length} bytes`);
    const at = this.#field(4 + length);
    this.#view.setUint8(at, INET_FAMILY[length]);
    this.#view.setUint8(at + 1, length * 8);
    this.#view.setUint8(at + 2, 0);
    this.#view.setUint8(at + 3, length);
    this.#bytes.set(address, at + 4);
    return this;
  }

  /** `jsonb_recv`: version 1, then text. */
  jsonb(value: Readonly<Record<string, string>>): this {
    // Cleaned before: jsonb refuses NUL and half a surrogate pair as escapes, too.
    const entries = Object.entries(value).map(([name, content]) => [storable(name), storable(content)]);
    const json = JSON.stringify(Object.fromEntries(entries));
    const lengthAt = this.#claim(5 + json.length * 3);
    this.#view.setUint8(lengthAt + 4, 1);
    const length = 1 + this.#bytes.write(json, lengthAt + 5, 'utf8');
    this.#view.setInt32(lengthAt, length);
    this.#end = lengthAt + 4 + length;
    return this;
  }

  /** All rows since `begin`, valid until the next one. */
  finish(): Buffer {
    const at = this.#claim(TRAILER_BYTES);
    this.#view.setInt16(at, -1);
    return this.#bytes.subarray(0, this.#end);
  }

  /** `array_recv`: dimensions, has nulls, element type, then length and lower bound of the one dimension. */
  #arrayHead(length: number, elementType: number): void {
    const at = this.#claim(12);
    this.#view.setInt32(at, length === 0 ? 0 : 1);
    this.#view.setInt32(at + 4, 0);
    this.#view.setInt32(at + 8, elementType);
    if (length === 0) return;
    const dimension = this.#claim(8);
    this.#view.setInt32(dimension, length);
    this.#view.setInt32(dimension + 4, 1);
  }

  #field(length: number): number {
    const at = this.#claim(4 + length);
    this.#view.setInt32(at, length);
    return at + 4;
  }

  /** May replace buffer and view: look at them only afterwards. */
  #claim(length: number): number {
    const at = this.#end;
    this.#end = at + length;
    if (this.#end > this.#bytes.byteLength) this.#grow(at);
    return at;
  }

  #grow(used: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#bytes.byteLength * 2, this.#end * 2));
    this.#bytes.copy(larger, 0, 0, used);
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

/** Postgres takes neither NUL nor half a surrogate pair in text: each becomes U+FFFD. */
function storable(value: string): string {
  if (!/[\0\ud800-\udfff]/.test(value)) return value;
  return Buffer.from(value, 'utf8').toString('utf8').replaceAll('\0', '\uFFFD');
}
