import { type Field, field, hex, named, unit } from '../field.js';
import type { Layer } from '../layer.js';

const TYPE = field(
  'icmpv6.opt.type',
  'Type',
  named({
    1: 'source link-layer address',
    2: 'target link-layer address',
    3: 'prefix information',
    4: 'redirected header',
    5: 'MTU',
    25: 'DNS servers',
    31: 'DNS search list',
  }),
);
const LENGTH = field('icmpv6.opt.length', 'Length', (eights) => `${eights * 8} bytes (${eights})`);
const LINK_ADDRESS = field('icmpv6.opt.linkaddr', 'Link-layer address');
/** By the option's type: the same once more, so that a filter can ask for one of them. */
const LINK_ADDRESS_OF: Readonly<Record<number, Field>> = {
  1: field('icmpv6.opt.src_linkaddr', 'Source'),
  2: field('icmpv6.opt.target_linkaddr', 'Target'),
};
const PREFIX_LENGTH = field('icmpv6.opt.prefix.length', 'Prefix length');
const PREFIX_FLAGS = field('icmpv6.opt.prefix.flag', 'Flags', hex(2));
const ON_LINK = field('icmpv6.opt.prefix.flag.l', 'On-link');
const AUTONOMOUS = field('icmpv6.opt.prefix.flag.a', 'Autonomous configuration');
const ROUTER_ADDRESS = field('icmpv6.opt.prefix.flag.r', 'Router address');
const PREFIX_RESERVED = field('icmpv6.opt.prefix.flag.reserved', 'Reserved');
const PREFIX_VALID = field('icmpv6.opt.prefix.valid_lifetime', 'Valid lifetime', unit('s'));
const PREFIX_PREFERRED = field('icmpv6.opt.prefix.preferred_lifetime', 'Preferred lifetime', unit('s'));
const PREFIX = field('icmpv6.opt.prefix', 'Prefix');
const MTU = field('icmpv6.opt.mtu', 'MTU', unit('bytes'));

/** RFC 4861, 4.6: lengths count 8 bytes each, type and length included. */
export function dissectDiscoveryOptions(layer: Layer, at: number): void {
  while (at < layer.slice.length) {
    const length = layer.slice.u8(at + 1) * 8;
    if (length === 0 || at + length > layer.slice.length) {
      layer.odd(`option ${layer.slice.u8(at)} at byte ${layer.slice.start + at} does not fit`);
      return;
    }
    const start = at;
    layer.group('icmpv6.opt', `Option (${length} bytes)`, start, length, (inner) => {
      const type = inner.uint(TYPE, start, 1);
      inner.uint(LENGTH, start + 1, 1);
      writeData(inner, type, start, length);
    });
    at += length;
  }
}

function writeData(inner: Layer, type: number, at: number, length: number): void {
  const linkAddress = LINK_ADDRESS_OF[type];
  if (linkAddress !== undefined && length === 8) {
    inner.mac(LINK_ADDRESS, at + 2);
    inner.within((address) => address.mac(linkAddress, at + 2));
  } else if (type === 5 && length === 8) {
    writeReserved(inner, at + 2, 2);
    inner.uint(MTU, at + 4, 4);
  } else if (type === 3 && length === 32) {
    inner.uint(PREFIX_LENGTH, at + 2, 1);
    writePrefixFlags(inner, at + 3);
    inner.uint(PREFIX_VALID, at + 4, 4);
    inner.uint(PREFIX_PREFERRED, at + 8, 4);
    writeReserved(inner, at + 12, 4);
    inner.ipv6(PREFIX, at + 16);
  }
}

function writeReserved(inner: Layer, at: number, length: number): void {
  inner.group('icmpv6.opt.reserved', `Reserved (${length} bytes)`, at, length);
}

/** RFC 4861, 4.6.2; RFC 6275, 7.2. */
function writePrefixFlags(inner: Layer, at: number): void {
  inner.uint(PREFIX_FLAGS, at, 1);
  inner.within((bits) => {
    bits.flag(ON_LINK, at, 1, 0x80);
    bits.flag(AUTONOMOUS, at, 1, 0x40);
    bits.flag(ROUTER_ADDRESS, at, 1, 0x20);
    bits.bits(PREFIX_RESERVED, at, 1, 0x1f);
  });
}
