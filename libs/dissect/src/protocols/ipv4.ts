import { field, hex, named, unit } from '../field.js';
import type { Layer } from '../layer.js';
import { codePoints, congestionMarks, ipProtocols } from '../names.js';
import type { Protocol } from '../protocol.js';
import type { Slice } from '../slice.js';
import { DESTINATION, dissectIpv4Options, isOnSourceRoute } from './ipv4-options.js';

const VERSION = field('ip.version', 'Version');
const HEADER_LENGTH = field('ip.hdr_len', 'Header length', unit('bytes'));
const SERVICES = field('ip.dsfield', 'Differentiated services', hex(2));
const CODE_POINT = field('ip.dsfield.dscp', 'Code point', named(codePoints));
const CONGESTION = field('ip.dsfield.ecn', 'Congestion notification', named(congestionMarks));
const LENGTH = field('ip.len', 'Total length', unit('bytes'));
const ID = field('ip.id', 'Identification', hex(4));
const FLAGS = field('ip.flags', 'Flags', hex(1));
const RESERVED = field('ip.flags.rb', 'Reserved bit');
const DONT_FRAGMENT = field('ip.flags.df', "Don't fragment");
const MORE_FRAGMENTS = field('ip.flags.mf', 'More fragments');
const FRAGMENT_OFFSET = field('ip.frag_offset', 'Fragment offset', (eights) => `${eights * 8} bytes (${eights})`);
const TTL = field('ip.ttl', 'Time to live');
const PROTOCOL = field('ip.proto', 'Protocol', named(ipProtocols));
const CHECKSUM = field('ip.checksum', 'Header checksum', hex(4));
const SOURCE = field('ip.src', 'Source');
const NEXT_HOP = field('ip.cur_rt', 'Next hop of the source route');

const SHORTEST_HEADER_BYTES = 20;

/** RFC 791, 3.1. */
export const ipv4: Protocol = {
  name: 'ip',
  title: 'Internet Protocol Version 4',
  dissect(layer, next) {
    const { slice } = layer;
    const version = layer.bits(VERSION, 0, 1, 0xf0);
    if (version !== 4) {
      layer.odd(`version ${version} in an IPv4 packet`);
      return undefined;
    }
    const headerLength = layer.add(HEADER_LENGTH, 0, 1, (slice.u8(0) & 0xf) * 4);
    if (headerLength < SHORTEST_HEADER_BYTES) {
      layer.odd(`a header of ${headerLength} bytes is shorter than any`);
      return undefined;
    }
    layer.setLength(headerLength);
    const length = totalLength(layer, headerLength);
    const fragmentOffset = writeFixedFields(layer, headerLength);
    if (headerLength > SHORTEST_HEADER_BYTES) {
      dissectIpv4Options(layer, SHORTEST_HEADER_BYTES, headerLength);
    }
    const payload = slice.part(headerLength, length - headerLength);
    // What follows a later fragment's header are bytes from the middle of the packet, after the first's it goes on.
    if (fragmentOffset > 0) next.asData(payload);
    else next.byNumber('ip protocol', slice.u8(9), hasMoreFragments(slice) ? payload.goingOn(0) : payload);
    return Math.min(length, slice.length);
  },
};

const hasMoreFragments = (slice: Slice): boolean => (slice.u8(6) & 0x20) !== 0;

/** @returns bytes of header and payload */
function totalLength(layer: Layer, headerLength: number): number {
  layer.uint(SERVICES, 1, 1);
  layer.within((inner) => {
    inner.bits(CODE_POINT, 1, 1, 0xfc);
    inner.bits(CONGESTION, 1, 1, 0x03);
  });
  const length = layer.uint(LENGTH, 2, 2);
  // 0 where the card segments what it sends (TSO, BIG TCP): all that was captured belongs to it.
  if (length === 0) return layer.slice.presentLength;
  if (length < headerLength) layer.odd(`a total length of ${length} bytes is less than the header's ${headerLength}`);
  else if (length > layer.slice.length) layer.odd(`a total length of ${length} bytes is more than there is`);
  return Math.max(length, headerLength);
}

/** @returns the fragment's offset, in 8 bytes each */
function writeFixedFields(layer: Layer, headerLength: number): number {
  layer.uint(ID, 4, 2);
  layer.bits(FLAGS, 6, 1, 0xe0);
  layer.within((inner) => {
    inner.flag(RESERVED, 6, 1, 0x80);
    inner.flag(DONT_FRAGMENT, 6, 1, 0x40);
    inner.flag(MORE_FRAGMENTS, 6, 1, 0x20);
  });
  const fragmentOffset = layer.bits(FRAGMENT_OFFSET, 6, 2, 0x1fff);
  layer.uint(TTL, 8, 1);
  layer.uint(PROTOCOL, 9, 1);
  layer.uint(CHECKSUM, 10, 2);
  layer.ipv4(SOURCE, 12);
  layer.ipv4(isOnSourceRoute(layer.slice, SHORTEST_HEADER_BYTES, headerLength) ? NEXT_HOP : DESTINATION, 16);
  return fragmentOffset;
}
