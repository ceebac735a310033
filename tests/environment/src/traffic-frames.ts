import { isIPv6 } from 'node:net';

/**
 * Frames for `sendFrames` and `PacketSender`, built from the outside in: `ethernet({ payload: ip({ payload: tcp({…}) }) })`.
 * Checksums are right, so that analysers and the receiving stack accept them.
 */

export const EtherType = { ip: 0x0800, arp: 0x0806, ip6: 0x86dd } as const;
/** EtherTypes of a tag: 802.1Q, 802.1ad. */
export const TagType = { customer: 0x8100, service: 0x88a8 } as const;

export interface EthernetFields {
  readonly to?: string;
  readonly from?: string;
  readonly type: number;
  /** Tags from the outside in. */
  readonly tags?: readonly { readonly type: number; readonly tci: number }[];
  readonly payload: Uint8Array;
}

/** A frame to everybody from a made-up address, unless told. */
export function ethernet(fields: EthernetFields): Uint8Array {
  const { to = 'ff:ff:ff:ff:ff:ff', from = '02:00:00:00:00:01', type, tags = [], payload } = fields;
  return join(mac(to), mac(from), ...tags.map((tag) => words(tag.type, tag.tci)), words(type), payload);
}

/** Who has `target`? asks `sender` (RFC 826). */
export function arpRequest({ sender, target }: { readonly sender: string; readonly target: string }): Uint8Array {
  const header = words(1, EtherType.ip, 0x0604, 1);
  return join(header, mac('02:00:00:00:00:01'), address(sender), mac('00:00:00:00:00:00'), address(target));
}

export interface IpFields {
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  readonly payload: Uint8Array;
  readonly ttl?: number;
  /** IPv4 only: identification, offset in bytes (a multiple of 8), and whether more fragments follow. */
  readonly fragment?: { readonly id: number; readonly offsetBytes: number; readonly more: boolean };
}

/** An IPv4 (RFC 791) or, by its addresses, an IPv6 packet (RFC 8200). */
export function ip(fields: IpFields): Uint8Array {
  const { source, destination, protocol, payload, ttl = 64, fragment } = fields;
  if (isIPv6(source)) {
    const header = join(words(0x6000, 0, payload.length), Uint8Array.of(protocol, ttl));
    return join(header, address(source), address(destination), payload);
  }
  const flags = fragment === undefined ? 0x4000 : (fragment.more ? 0x2000 : 0) | (fragment.offsetBytes >> 3);
  const header = join(
    words(0x4500, 20 + payload.length, fragment?.id ?? 0, flags),
    Uint8Array.of(ttl, protocol, 0, 0),
    address(source),
    address(destination),
  );
  return join(withWord(header, 10, checksum(header)), payload);
}

/** Cuts an IPv4 payload into fragments of at most so many bytes, a multiple of 8. */
export function ipFragments(fields: Omit<IpFields, 'fragment'>, id: number, bytesEach: number): Uint8Array[] {
  const fragments: Uint8Array[] = [];
  for (let offsetBytes = 0; offsetBytes < fields.payload.length; offsetBytes += bytesEach) {
    const payload = fields.payload.subarray(offsetBytes, offsetBytes + bytesEach);
    const more = offsetBytes + bytesEach < fields.payload.length;
    fragments.push(ip({ ...fields, payload, fragment: { id, offsetBytes, more } }));
  }
  return fragments;
}

/** The addresses go into the checksum (RFC 9293 3.1, RFC 768, RFC 8200 8.1). */
export interface Endpoints {
  readonly source: string;
  readonly destination: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
}

export const TcpFlag = { fin: 0x01, syn: 0x02, rst: 0x04, psh: 0x08, ack: 0x10 } as const;

export interface TcpFields extends Endpoints {
  readonly flags: number;
  readonly sequence?: number;
  readonly acknowledgement?: number;
  /** A multiple of 4 bytes, at most 40. */
  readonly options?: Uint8Array;
  readonly data?: Uint8Array;
}

export function tcp(fields: TcpFields): Uint8Array {
  const { options = new Uint8Array(), data = new Uint8Array(), sequence = 1, acknowledgement = 0 } = fields;
  const segment = join(
    words(fields.sourcePort, fields.destinationPort),
    words(sequence >>> 16, sequence & 0xffff, acknowledgement >>> 16, acknowledgement & 0xffff),
    words(((20 + options.length) << 10) | fields.flags, 0xffff, 0, 0),
    options,
    data,
  );
  return withWord(segment, 16, checksum(join(pseudoHeader(fields, 6, segment.length), segment)));
}

export function udp(fields: Endpoints & { readonly data: Uint8Array }): Uint8Array {
  const datagram = join(words(fields.sourcePort, fields.destinationPort, 8 + fields.data.length, 0), fields.data);
  const sum = checksum(join(pseudoHeader(fields, 17, datagram.length), datagram));
  // 0 would mean "no checksum" (RFC 768).
  return withWord(datagram, 6, sum === 0 ? 0xffff : sum);
}

/** The order differs between IPv4 and IPv6, which a sum does not notice. */
function pseudoHeader({ source, destination }: Endpoints, protocol: number, length: number): Uint8Array {
  return join(address(source), address(destination), words(0, protocol, length));
}

/** The Internet checksum (RFC 1071). */
function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += (bytes[at]! << 8) | (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** 16-bit numbers in network order. */
function words(...numbers: readonly number[]): Uint8Array {
  return Uint8Array.from(numbers.flatMap((number) => [number >> 8, number & 0xff]));
}

function withWord(bytes: Uint8Array, at: number, value: number): Uint8Array {
  bytes.set(words(value), at);
  return bytes;
}

const mac = (text: string) => Uint8Array.from(text.split(':'), (digits) => Number.parseInt(digits, 16));

function address(text: string): Uint8Array {
  if (!isIPv6(text)) return Uint8Array.from(text.split('.'), Number);
  const [head = '', tail] = text.split('::');
  const groups = (part: string) => (part === '' ? [] : part.split(':').map((digits) => Number.parseInt(digits, 16)));
  const [left, right] = [groups(head), groups(tail ?? '')];
  return words(...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right);
}
