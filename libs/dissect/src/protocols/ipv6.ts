import { field, hex, named, unit } from '../field.js';
import type { Layer } from '../layer.js';
import { codePoints, congestionMarks, ipProtocols } from '../names.js';
import type { Protocol } from '../protocol.js';
import { extensionHeaders, jumboLength } from './ipv6-extensions.js';

const VERSION = field('ipv6.version', 'Version');
/** So that one filter finds either version. */
const IP_VERSION = field('ip.version', 'IP version');
const CLASS = field('ipv6.tclass', 'Traffic class', hex(2));
const CODE_POINT = field('ipv6.tclass.dscp', 'Code point', named(codePoints));
const CONGESTION = field('ipv6.tclass.ecn', 'Congestion notification', named(congestionMarks));
const FLOW = field('ipv6.flow', 'Flow label', hex(5));
const PAYLOAD_LENGTH = field('ipv6.plen', 'Payload length', unit('bytes'));
const NEXT_HEADER = field('ipv6.nxt', 'Next header', named(ipProtocols));
const HOP_LIMIT = field('ipv6.hlim', 'Hop limit');
const SOURCE = field('ipv6.src', 'Source');
const DESTINATION = field('ipv6.dst', 'Destination');

const HEADER_BYTES = 40;
const HOP_BY_HOP = 0;

/** RFC 8200, 3. Extension headers are part of this layer, up to one that hides what follows. */
export const ipv6: Protocol = {
  name: 'ipv6',
  title: 'Internet Protocol Version 6',
  dissect(layer, next) {
    const { slice } = layer;
    layer.setLength(HEADER_BYTES);
    const version = layer.bits(VERSION, 0, 1, 0xf0);
    layer.within((inner) => inner.add(IP_VERSION, 0, 1, version));
    if (version !== 6) {
      layer.odd(`version ${version} in an IPv6 packet`);
      return undefined;
    }
    const payloadLength = writeHeader(layer);
    const isJumbo = payloadLength === 0 && slice.u8(6) === HOP_BY_HOP;
    const length = isJumbo ? (jumboLength(slice.part(HEADER_BYTES)) ?? slice.length - HEADER_BYTES) : payloadLength;
    if (HEADER_BYTES + length > slice.length) layer.odd(`a payload of ${length} bytes is more than there is`);
    const end = Math.min(slice.length, HEADER_BYTES + length);
    let protocol = slice.u8(6);
    let at = HEADER_BYTES;
    let isFirstFragment = false;
    for (let header = extensionHeaders.get(protocol); header !== undefined; header = extensionHeaders.get(protocol)) {
      const { nextHeader, lengthBytes, fragment } = header.write(layer, at, end);
      protocol = nextHeader;
      at += lengthBytes;
      layer.setLength(at);
      isFirstFragment ||= fragment === 'first';
      if (fragment === 'later') {
        next.asData(slice.part(at, end - at));
        return end;
      }
    }
    const payload = slice.part(at, end - at);
    next.byNumber('ip protocol', protocol, isFirstFragment ? payload.goingOn(0) : payload);
    return end;
  },
};

/** What follows the version. @returns the payload length that it says */
function writeHeader(layer: Layer): number {
  layer.bits(CLASS, 0, 4, 0x0ff00000);
  layer.within((inner) => {
    inner.bits(CODE_POINT, 0, 4, 0x0fc00000);
    inner.bits(CONGESTION, 0, 4, 0x00300000);
  });
  layer.bits(FLOW, 1, 3, 0xfffff);
  const payloadLength = layer.uint(PAYLOAD_LENGTH, 4, 2);
  layer.uint(NEXT_HEADER, 6, 1);
  layer.uint(HOP_LIMIT, 7, 1);
  layer.ipv6(SOURCE, 8);
  layer.ipv6(DESTINATION, 24);
  return payloadLength;
}
