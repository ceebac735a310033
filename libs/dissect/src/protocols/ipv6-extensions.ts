import { pastTheEnd } from '../cut.js';
import { type Field, field, hex, named, unit } from '../field.js';
import type { Layer } from '../layer.js';
import { ipProtocols } from '../names.js';
import type { Protocol } from '../protocol.js';
import type { Slice } from '../slice.js';
import { dissectIpv6Options } from './ipv6-options.js';

interface Extension {
  readonly nextHeader: number;
  readonly lengthBytes: number;
  /** What follows a later fragment's header are bytes from the middle of a packet, after the first's it goes on. */
  readonly fragment?: 'first' | 'later';
}
interface ExtensionHeader {
  readonly name: string;
  readonly title: string;
  /** @param end where the packet ends, from the slice's start */
  write(layer: Layer, at: number, end: number): Extension;
}

/** Of any of them (RFC 8200, 4). */
const LEAST_BYTES = 8;

const nextHeader = (name: string): Field => field(`${name}.nxt`, 'Next header', named(ipProtocols));

/** Hop-by-hop and destination options (RFC 8200, 4.3 and 4.6). */
const options = (name: string, title: string): ExtensionHeader =>
  header(name, title, (inner, at, lengthBytes) => dissectIpv6Options(inner, at + 2, at + lengthBytes));

const ROUTING_TYPE = field(
  'ipv6.routing.type',
  'Type',
  named({ 0: 'source route', 2: 'mobile IPv6', 3: 'RPL', 4: 'segment routing' }),
);
const SEGMENTS_LEFT = field('ipv6.routing.segleft', 'Segments left');

const MOBILE = 2;
const MOBILE_RESERVED = field('ipv6.routing.mipv6.reserved', 'Reserved');
const HOME_ADDRESS = field('ipv6.routing.mipv6.home_address', 'Home address');

/** RFC 8200, 4.4; RFC 6275, 6.4.1. */
const routing = header('ipv6.routing', 'Routing header', (inner, at, lengthBytes) => {
  const type = inner.uint(ROUTING_TYPE, at + 2, 1);
  inner.uint(SEGMENTS_LEFT, at + 3, 1);
  if (type !== MOBILE || lengthBytes !== 24) return;
  inner.bytes(MOBILE_RESERVED, at + 4, 4);
  inner.ipv6(HOME_ADDRESS, at + 8);
});

/** A header whose length field counts 8 bytes each behind the first 8. */
function header(
  name: string,
  title: string,
  write: (inner: Layer, at: number, lengthBytes: number) => void,
): ExtensionHeader {
  const NEXT = nextHeader(name);
  const LENGTH = field(`${name}.len`, 'Length');
  const LENGTH_BYTES = field(`${name}.len_oct`, 'Length', unit('bytes'));
  return {
    name,
    title,
    write(layer, at, end) {
      let next = 0;
      let lengthBytes = 0;
      layer.group(name, title, at, LEAST_BYTES, (inner) => {
        next = inner.uint(NEXT, at, 1);
        lengthBytes = (inner.uint(LENGTH, at + 1, 1) + 1) * 8;
        inner.setLength(lengthBytes);
        inner.add(LENGTH_BYTES, at + 1, 1, lengthBytes);
        if (at + lengthBytes > end) throw pastTheEnd;
        write(inner, at, lengthBytes);
      });
      return { nextHeader: next, lengthBytes };
    },
  };
}

const FRAGMENT = {
  next: nextHeader('ipv6.fraghdr'),
  reserved: field('ipv6.fraghdr.reserved_octet', 'Reserved', hex(2)),
  offset: field('ipv6.fraghdr.offset', 'Offset', (eights) => `${eights * 8} bytes (${eights})`),
  reservedBits: field('ipv6.fraghdr.reserved_bits', 'Reserved bits'),
  more: field('ipv6.fraghdr.more', 'More fragments'),
  id: field('ipv6.fraghdr.ident', 'Identification', hex(8)),
  bytes: 8,
} as const;

/** RFC 8200, 4.5. */
const fragment: ExtensionHeader = {
  name: 'ipv6.fraghdr',
  title: 'Fragment header',
  write(layer, at, end) {
    const { slice } = layer;
    layer.group('ipv6.fraghdr', 'Fragment header', at, FRAGMENT.bytes, (inner) => {
      if (at + FRAGMENT.bytes > end) throw pastTheEnd;
      inner.uint(FRAGMENT.next, at, 1);
      inner.uint(FRAGMENT.reserved, at + 1, 1);
      inner.bits(FRAGMENT.offset, at + 2, 2, 0xfff8);
      inner.bits(FRAGMENT.reservedBits, at + 2, 2, 0x6);
      inner.flag(FRAGMENT.more, at + 2, 2, 0x1);
      inner.uint(FRAGMENT.id, at + 4, 4);
    });
    const offsetAndMore = slice.u16(at + 2);
    const extension = { nextHeader: slice.u8(at), lengthBytes: FRAGMENT.bytes };
    if (offsetAndMore >= 8) return { ...extension, fragment: 'later' };
    return offsetAndMore & 1 ? { ...extension, fragment: 'first' } : extension;
  },
};

export const extensionHeaders: ReadonlyMap<number, ExtensionHeader> = new Map([
  [0, options('ipv6.hopopts', 'Hop-by-hop options')],
  [43, routing],
  [44, fragment],
  [60, options('ipv6.dstopts', 'Destination options')],
]);

/** The same headers behind one that is a layer of its own, such as AH. */
export const extensionProtocols: ReadonlyMap<number, Protocol> = new Map(
  [...extensionHeaders].map(([number, { name, title, write }]) => [
    number,
    {
      name,
      title,
      dissect(layer, next) {
        const { slice } = layer;
        const { nextHeader, lengthBytes, fragment } = write(layer, 0, slice.length);
        layer.setLength(lengthBytes);
        const payload = slice.part(lengthBytes);
        if (fragment === 'later') next.asData(payload);
        else next.byNumber('ip protocol', nextHeader, fragment === 'first' ? payload.goingOn(0) : payload);
        return undefined;
      },
    },
  ]),
);

/**
 * What a packet says of its length that is too long for its header (RFC 2675, 2).
 * @param options what follows the fixed header: hop-by-hop options, with the jumbo option first as all senders put it
 */
export function jumboLength(options: Slice): number | undefined {
  const isJumbo = options.capturedLength >= 8 && options.u16(2) === 0xc204;
  return isJumbo ? options.u32(4) : undefined;
}
