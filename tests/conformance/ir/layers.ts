/** Headers written byte by byte from the documents that define them, for what the compiler says of them. */
export type Bytes = readonly number[];

export const u16 = (value: number): Bytes => [(value >>> 8) & 0xff, value & 0xff];
export const u32 = (value: number): Bytes => [...u16(value >>> 16), ...u16(value & 0xffff)];

export interface Ipv4Fields {
  readonly protocol?: number;
  readonly source?: number;
  readonly destination?: number;
  /** In words of four bytes, 5 to 15. */
  readonly headerWords?: number;
  /** In units of eight bytes. */
  readonly fragmentOffset?: number;
  /** DF, MF and the reserved bit, in the place where they stand. */
  readonly flags?: number;
}

/** RFC 791. */
export function ipv4(fields: Ipv4Fields, payload: Bytes = []): Bytes {
  const { protocol = 6, source = 0x0a00_0001, destination = 0x0a00_0002, headerWords = 5 } = fields;
  const { fragmentOffset = 0, flags = 0 } = fields;
  const fixed = [0x40 | headerWords, 0, ...u16(4 * headerWords + payload.length), 0, 1, ...u16(flags | fragmentOffset)];
  // Options of ones: read for ports they are port 257.
  const options = Array(4 * (headerWords - 5)).fill(1);
  return [...fixed, 64, protocol, 0, 0, ...u32(source), ...u32(destination), ...options, ...payload];
}

export interface Ipv6Fields {
  readonly next?: number;
  readonly source?: Bytes;
  readonly destination?: Bytes;
}

const here = (last: number): Bytes => [0x20, 1, 0xd, 0xb8, ...Array(11).fill(0), last];

/** RFC 8200. */
export function ipv6({ next = 6, source = here(1), destination = here(2) }: Ipv6Fields, payload: Bytes = []): Bytes {
  return [0x60, 0, 0, 0, ...u16(payload.length), next, 64, ...source, ...destination, ...payload];
}

/** RFC 826, for Ethernet and IPv4. */
export const arp = (source: number, destination: number): Bytes => [
  ...[0, 1, 8, 0, 6, 4, 0, 1, ...Array(6).fill(2), ...u32(source)],
  ...[...Array(6).fill(0), ...u32(destination)],
];

/** The first eight bytes of TCP, UDP and SCTP begin alike. */
export const ports = (source: number, destination: number): Bytes => [
  ...u16(source),
  ...u16(destination),
  ...Array(16).fill(0),
];

export const ethernet = (type: number, payload: Bytes, addresses: Bytes = Array(12).fill(2)): Bytes => [
  ...addresses,
  ...u16(type),
  ...payload,
];

/** IEEE 802.1Q. */
export const tag = (id: number, type: number, payload: Bytes): Bytes => [...u16(id), ...u16(type), ...payload];

/** RFC 3032: label, class, bottom of the stack, time to live. */
export const label = (number: number, isLast: boolean): Bytes =>
  u32(((number << 12) | (Number(isLast) << 8) | 64) >>> 0);
