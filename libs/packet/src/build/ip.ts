import { parseIpv4, parseIpv6 } from '../parse-address.js';
import { bytesU16, concatenate, put16 } from './bytes.js';
import { type Endpoints, internetChecksum } from './checksum.js';

export interface Ipv4Fields extends Endpoints {
  readonly protocol: number;
  readonly payload: Uint8Array;
  readonly identification?: number;
  readonly ttl?: number;
  readonly typeOfService?: number;
  readonly hasDontFragment?: boolean;
  readonly hasMoreFragments?: boolean;
  /** In bytes, a multiple of 8. */
  readonly fragmentOffset?: number;
  /** A multiple of 4 bytes. */
  readonly options?: Uint8Array;
}

/** An IPv4 packet (RFC 791) with its header checksum. */
export function buildIpv4(fields: Ipv4Fields): Uint8Array<ArrayBuffer> {
  const options = fields.options ?? new Uint8Array();
  const headerLength = 20 + options.length;
  const flags = (fields.hasDontFragment ? 0x4000 : 0) | (fields.hasMoreFragments ? 0x2000 : 0);
  const header = concatenate(
    Uint8Array.of(0x40 | (headerLength / 4), fields.typeOfService ?? 0),
    bytesU16(
      headerLength + fields.payload.length,
      fields.identification ?? 0,
      flags | ((fields.fragmentOffset ?? 0) / 8),
    ),
    Uint8Array.of(fields.ttl ?? 64, fields.protocol, 0, 0),
    parseIpv4(fields.source),
    parseIpv4(fields.destination),
    options,
  );
  return concatenate(put16(header, 10, internetChecksum(header)), fields.payload);
}

/** The same payload in IPv4 packets that each fit `mtuBytes`. */
export function buildIpv4Fragments(fields: Ipv4Fields, mtuBytes: number): Uint8Array<ArrayBuffer>[] {
  const step = Math.floor((mtuBytes - 20 - (fields.options?.length ?? 0)) / 8) * 8;
  return steps(fields.payload.length, step).map((fragmentOffset) => {
    const payload = fields.payload.subarray(fragmentOffset, fragmentOffset + step);
    const hasMoreFragments = fragmentOffset + payload.length < fields.payload.length;
    return buildIpv4({ ...fields, payload, fragmentOffset, hasMoreFragments });
  });
}

/** One extension header: its type, and its bytes after the next-header and length fields, 8n + 6 of them. */
export interface Ipv6Extension {
  readonly type: number;
  readonly body: Uint8Array;
}

export interface Ipv6Fields extends Endpoints {
  readonly protocol: number;
  readonly payload: Uint8Array;
  readonly hopLimit?: number;
  readonly trafficClass?: number;
  readonly flowLabel?: number;
  readonly extensions?: readonly Ipv6Extension[];
}

/** An IPv6 packet (RFC 8200). */
export function buildIpv6(fields: Ipv6Fields): Uint8Array<ArrayBuffer> {
  const extensions = fields.extensions ?? [];
  const typeAfter = (i: number) => extensions[i]?.type ?? fields.protocol;
  const headers = extensions.map(({ body }, i) =>
    concatenate(Uint8Array.of(typeAfter(i + 1), (body.length + 2) / 8 - 1), body),
  );
  const payload = concatenate(...headers, fields.payload);
  const label = fields.flowLabel ?? 0;
  return concatenate(
    bytesU16(0x6000 | ((fields.trafficClass ?? 0) << 4) | (label >> 16), label & 0xffff, payload.length),
    Uint8Array.of(typeAfter(0), fields.hopLimit ?? 64),
    parseIpv6(fields.source),
    parseIpv6(fields.destination),
    payload,
  );
}

/** The same payload in IPv6 packets with fragment headers (RFC 8200, 4.5) that each fit `mtuBytes`. */
export function buildIpv6Fragments(
  fields: Ipv6Fields & { readonly identification: number },
  mtuBytes: number,
): Uint8Array<ArrayBuffer>[] {
  const step = Math.floor((mtuBytes - 48) / 8) * 8;
  const { identification } = fields;
  return steps(fields.payload.length, step).map((offset) => {
    const payload = fields.payload.subarray(offset, offset + step);
    const more = offset + payload.length < fields.payload.length ? 1 : 0;
    const body = bytesU16(offset | more, identification >>> 16, identification & 0xffff);
    return buildIpv6({ ...fields, payload, extensions: [{ type: 44, body }] });
  });
}

const steps = (length: number, step: number): number[] =>
  Array.from({ length: Math.max(1, Math.ceil(length / step)) }, (_, i) => i * step);
