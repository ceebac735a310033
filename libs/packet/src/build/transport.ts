import { Protocol } from '../protocol.js';
import { bytesU16, bytesU32, concatenate, type Payload, payloadBytes, put16 } from './bytes.js';
import { type Endpoints, internetChecksum, pseudoHeader } from './checksum.js';

/** Bits of the TCP header's byte 13 (RFC 9293, 3.1). */
export const TcpFlag = { FIN: 1, SYN: 2, RST: 4, PSH: 8, ACK: 16, URG: 32, ECE: 64, CWR: 128 } as const;

/** TCP options that a handshake or a data segment has (RFC 9293, 3.2; RFC 7323; RFC 2018). */
export interface TcpOptions {
  readonly maxSegmentSize?: number;
  readonly windowScale?: number;
  readonly sackPermitted?: boolean;
  readonly timestamps?: readonly [value: number, echo: number];
}

/** Ports; the addresses are only for the checksum. */
interface Ports extends Endpoints {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly payload?: Payload;
}

export interface TcpFields extends Ports {
  /** Bits of `TcpFlag`. */
  readonly flags: number;
  readonly sequence?: number;
  readonly acknowledgement?: number;
  readonly window?: number;
  readonly urgent?: number;
  readonly options?: TcpOptions;
}

/** A TCP segment with its checksum. */
export function buildTcp(fields: TcpFields): Uint8Array<ArrayBuffer> {
  const options = tcpOptions(fields.options ?? {});
  const header = concatenate(
    bytesU16(fields.sourcePort, fields.destinationPort),
    bytesU32(fields.sequence ?? 0, fields.acknowledgement ?? 0),
    Uint8Array.of(((20 + options.length) / 4) << 4, fields.flags),
    bytesU16(fields.window ?? 64_240, 0, fields.urgent ?? 0),
    options,
  );
  return withChecksum(concatenate(header, payloadBytes(fields.payload)), 16, Protocol.TCP, fields);
}

/** In Linux's order and padding: mss, sack, timestamps, nop, window scale; after the handshake nop nop timestamps. */
function tcpOptions({ maxSegmentSize, windowScale, sackPermitted, timestamps }: TcpOptions): Uint8Array {
  const parts: Uint8Array[] = [];
  if (maxSegmentSize !== undefined) parts.push(Uint8Array.of(2, 4), bytesU16(maxSegmentSize));
  if (sackPermitted) parts.push(Uint8Array.of(4, 2));
  else if (timestamps) parts.push(Uint8Array.of(1, 1));
  if (timestamps) parts.push(Uint8Array.of(8, 10), bytesU32(...timestamps));
  if (windowScale !== undefined) parts.push(Uint8Array.of(1, 3, 3, windowScale));
  const options = concatenate(...parts);
  return concatenate(options, new Uint8Array((4 - (options.length % 4)) % 4));
}

export type UdpFields = Ports;

/** A UDP datagram with its checksum (RFC 768). */
export function buildUdp(fields: UdpFields): Uint8Array<ArrayBuffer> {
  const payload = payloadBytes(fields.payload);
  const datagram = concatenate(bytesU16(fields.sourcePort, fields.destinationPort, 8 + payload.length, 0), payload);
  withChecksum(datagram, 6, Protocol.UDP, fields);
  // A computed 0 is sent as all ones, because 0 says that there is none.
  return datagram[6] === 0 && datagram[7] === 0 ? put16(datagram, 6, 0xffff) : datagram;
}

export interface IcmpFields {
  readonly type: number;
  readonly code?: number;
  /** Bytes 4 to 7: of an echo its id and sequence number, see `echoWord`. */
  readonly word?: number;
  readonly payload?: Payload;
}

export const echoWord = (id: number, sequence: number): number => ((id << 16) | sequence) >>> 0;

/** An ICMP message (RFC 792). */
export function buildIcmp(fields: IcmpFields): Uint8Array<ArrayBuffer> {
  const message = icmpMessage(fields);
  return put16(message, 2, internetChecksum(message));
}

/** An ICMPv6 message (RFC 4443), whose checksum covers the addresses too. */
export function buildIcmpv6(fields: IcmpFields & Endpoints): Uint8Array<ArrayBuffer> {
  return withChecksum(icmpMessage(fields), 2, Protocol.ICMP6, fields);
}

const icmpMessage = ({ type, code = 0, word = 0, payload }: IcmpFields): Uint8Array<ArrayBuffer> =>
  concatenate(Uint8Array.of(type, code, 0, 0), bytesU32(word), payloadBytes(payload));

function withChecksum(
  bytes: Uint8Array<ArrayBuffer>,
  at: number,
  protocol: number,
  endpoints: Endpoints,
): Uint8Array<ArrayBuffer> {
  return put16(bytes, at, internetChecksum(pseudoHeader(endpoints, protocol, bytes.length), bytes));
}
