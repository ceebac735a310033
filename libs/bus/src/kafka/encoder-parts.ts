/** What an encoder of kafkajs is written to: a buffer that grows by powers of two, and how much of it is used. */
export interface Encoder {
  buf: Buffer;
  offset: number;
  readonly buffer: Buffer;
  size(): number;
  writeBufferInternal(buffer: Buffer): void;
  writeEncoder(value: Encoder): Encoder;
  writeEncoderArray(values: readonly Encoder[]): Encoder;
  /** What comes before `buf`, in order. */
  parts?: Buffer[];
  partsBytes?: number;
}

/** Smaller ones are copied as before. */
const PART_BYTES = 4096;

/**
 * A produce request goes through nine encoders, and each copies all of the one within into a new buffer, up to twice its
 * size and filled with zeros first. Changed so that large buffers stay where they are until somebody asks for the whole:
 * they must not change until the request is encoded.
 */
export function keepParts(prototype: Encoder): void {
  const copy = prototype.writeBufferInternal;

  prototype.writeBufferInternal = function (this: Encoder, buffer) {
    if (buffer.length < PART_BYTES) {
      copy.call(this, buffer);
      return;
    }
    this.parts ??= [];
    if (this.offset > 0) this.parts.push(this.buf.subarray(0, this.offset));
    this.parts.push(buffer);
    this.partsBytes = this.size() + buffer.length;
    this.buf = this.buf.subarray(this.offset);
    this.offset = 0;
  };

  prototype.size = function (this: Encoder) {
    return (this.partsBytes ?? 0) + this.offset;
  };

  prototype.writeEncoder = function (this: Encoder, value) {
    for (const part of value.parts ?? []) this.writeBufferInternal(part);
    this.writeBufferInternal(value.buf.subarray(0, value.offset));
    return this;
  };

  prototype.writeEncoderArray = function (this: Encoder, values) {
    for (const value of values) this.writeEncoder(value);
    return this;
  };

  Object.defineProperty(prototype, 'buffer', { get: whole });
}

function whole(this: Encoder): Buffer {
  const last = this.buf.subarray(0, this.offset);
  if (this.parts === undefined) return last;
  const all = this.offset === 0 && this.parts.length === 1 ? this.parts[0]! : Buffer.concat([...this.parts, last]);
  this.parts = [all];
  this.partsBytes = all.length;
  this.buf = this.buf.subarray(this.offset);
  this.offset = 0;
  return all;
}
