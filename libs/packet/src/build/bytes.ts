/** Joins header and payload, as every builder does. */
export function concatenate(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export const bytesU16 = (...numbers: readonly number[]): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(numbers.flatMap((number) => [(number >> 8) & 0xff, number & 0xff]));

export const bytesU32 = (...numbers: readonly number[]): Uint8Array<ArrayBuffer> =>
  bytesU16(...numbers.flatMap((number) => [number >>> 16, number & 0xffff]));

/** @returns `bytes`, with a big-endian 16-bit number written at `at` */
export function put16(bytes: Uint8Array<ArrayBuffer>, at: number, number: number): Uint8Array<ArrayBuffer> {
  bytes[at] = number >> 8;
  bytes[at + 1] = number & 0xff;
  return bytes;
}

/** Payloads may be given as text, which stands for its UTF-8 bytes. */
export type Payload = Uint8Array | string;

export const payloadBytes = (payload: Payload = new Uint8Array()): Uint8Array =>
  typeof payload === 'string' ? new TextEncoder().encode(payload) : payload;
