import { field, hex, named, unit } from '../field.js';
import type { Layer } from '../layer.js';
import type { HandOn, Protocol } from '../protocol.js';
import { quotedPacket } from '../quoted-packet.js';
import { dissectDiscoveryOptions } from './icmpv6-options.js';

const types: Readonly<Record<number, string>> = {
  1: 'destination unreachable',
  2: 'packet too big',
  3: 'time exceeded',
  4: 'parameter problem',
  128: 'echo request',
  129: 'echo reply',
  130: 'multicast listener query',
  131: 'multicast listener report',
  132: 'multicast listener done',
  133: 'router solicitation',
  134: 'router advertisement',
  135: 'neighbor solicitation',
  136: 'neighbor advertisement',
  137: 'redirect',
  143: 'multicast listener report v2',
};
const TYPE = field('icmpv6.type', 'Type', named(types));
const CODE = field('icmpv6.code', 'Code');
const CHECKSUM = field('icmpv6.checksum', 'Checksum', hex(4));
const RESERVED = field('icmpv6.reserved', 'Reserved');
const RECORDS = field('icmpv6.mldr.nb_mcast_records', 'Group records');
const MTU = field('icmpv6.mtu', 'MTU', unit('bytes'));
const POINTER = field('icmpv6.pointer', 'Pointer');
const ID = field('icmpv6.echo.identifier', 'Identifier', hex(4));
const SEQUENCE = field('icmpv6.echo.sequence_number', 'Sequence');
const NS_TARGET = field('icmpv6.nd.ns.target_address', 'Target address');
const NA_TARGET = field('icmpv6.nd.na.target_address', 'Target address');
const NA_FLAGS = field('icmpv6.nd.na.flag', 'Flags', hex(8));
const NA_ROUTER = field('icmpv6.nd.na.flag.r', 'Router');
const NA_SOLICITED = field('icmpv6.nd.na.flag.s', 'Solicited');
const NA_OVERRIDE = field('icmpv6.nd.na.flag.o', 'Override');
const NA_RESERVED = field('icmpv6.nd.na.flag.rsv', 'Reserved');
const RA_HOP_LIMIT = field('icmpv6.nd.ra.cur_hop_limit', 'Hop limit');
const RA_FLAGS = field('icmpv6.nd.ra.flag', 'Flags', hex(2));
const RA_MANAGED = field('icmpv6.nd.ra.flag.m', 'Managed addresses');
const RA_OTHER = field('icmpv6.nd.ra.flag.o', 'Other configuration');
const RA_HOME_AGENT = field('icmpv6.nd.ra.flag.h', 'Home agent');
const RA_PREFERENCE = field('icmpv6.nd.ra.flag.prf', 'Preference', named({ 0: 'medium', 1: 'high', 3: 'low' }));
const RA_PROXY = field('icmpv6.nd.ra.flag.p', 'Proxy');
const RA_RESERVED = field('icmpv6.nd.ra.flag.rsv', 'Reserved');
const RA_LIFETIME = field('icmpv6.nd.ra.router_lifetime', 'Router lifetime', unit('s'));
const RA_REACHABLE = field('icmpv6.nd.ra.reachable_time', 'Reachable time', unit('ms'));
const RA_RETRANS = field('icmpv6.nd.ra.retrans_timer', 'Retransmission timer', unit('ms'));
const REDIRECT_TARGET = field('icmpv6.nd.rd.target_address', 'Target address');
const REDIRECT_DESTINATION = field('icmpv6.rd.na.destination_address', 'Destination address');

/** RFC 4443; neighbour discovery RFC 4861; the head of a multicast listener report RFC 3810, 5.2. */
export const icmpv6: Protocol = {
  name: 'icmpv6',
  title: 'Internet Control Message Protocol v6',
  dissect(layer, next) {
    const type = layer.uint(TYPE, 0, 1);
    layer.uint(CODE, 1, 1);
    layer.uint(CHECKSUM, 2, 2);
    bodies[type]?.(layer, next);
    return undefined;
  },
};

/** What is behind the checksum, by type. */
const bodies: Readonly<Record<number, (layer: Layer, next: HandOn) => void>> = {
  1: unreachable,
  2: (layer, next) => {
    layer.uint(MTU, 4, 4);
    writeQuote(layer, next);
  },
  3: unreachable,
  4: (layer, next) => {
    layer.uint(POINTER, 4, 4);
    writeQuote(layer, next);
  },
  128: echo,
  129: echo,
  133: (layer) => {
    layer.bytes(RESERVED, 4, 4);
    dissectDiscoveryOptions(layer, 8);
  },
  134: routerAdvertisement,
  135: (layer) => {
    layer.bytes(RESERVED, 4, 4);
    layer.ipv6(NS_TARGET, 8);
    dissectDiscoveryOptions(layer, 24);
  },
  136: neighborAdvertisement,
  137: (layer) => {
    layer.bytes(RESERVED, 4, 4);
    layer.ipv6(REDIRECT_TARGET, 8);
    layer.ipv6(REDIRECT_DESTINATION, 24);
    dissectDiscoveryOptions(layer, 40);
  },
  143: (layer) => {
    layer.bytes(RESERVED, 4, 2);
    layer.uint(RECORDS, 6, 2);
  },
};

function echo(layer: Layer, next: HandOn): void {
  layer.uint(ID, 4, 2);
  layer.uint(SEQUENCE, 6, 2);
  next.quoted(layer, () => next.asData(layer.slice.part(8)));
}

function unreachable(layer: Layer, next: HandOn): void {
  layer.bytes(RESERVED, 4, 4);
  writeQuote(layer, next);
}

function writeQuote(layer: Layer, next: HandOn): void {
  next.quoted(layer, () => next.byNumber('ethertype', 0x86dd, quotedPacket(layer.slice, 8)));
}

function routerAdvertisement(layer: Layer): void {
  layer.uint(RA_HOP_LIMIT, 4, 1);
  layer.uint(RA_FLAGS, 5, 1);
  layer.within((inner) => {
    inner.flag(RA_MANAGED, 5, 1, 0x80);
    inner.flag(RA_OTHER, 5, 1, 0x40);
    // RFC 6275, 7.1; RFC 4191, 2.1; RFC 4389, 4.1.3.3.
    inner.flag(RA_HOME_AGENT, 5, 1, 0x20);
    inner.bits(RA_PREFERENCE, 5, 1, 0x18);
    inner.flag(RA_PROXY, 5, 1, 0x04);
    inner.bits(RA_RESERVED, 5, 1, 0x03);
  });
  layer.uint(RA_LIFETIME, 6, 2);
  layer.uint(RA_REACHABLE, 8, 4);
  layer.uint(RA_RETRANS, 12, 4);
  dissectDiscoveryOptions(layer, 16);
}

function neighborAdvertisement(layer: Layer): void {
  layer.uint(NA_FLAGS, 4, 4);
  layer.within((inner) => {
    inner.flag(NA_ROUTER, 4, 4, 0x8000_0000);
    inner.flag(NA_SOLICITED, 4, 4, 0x4000_0000);
    inner.flag(NA_OVERRIDE, 4, 4, 0x2000_0000);
    inner.bits(NA_RESERVED, 4, 4, 0x1fff_ffff);
  });
  layer.ipv6(NA_TARGET, 8);
  dissectDiscoveryOptions(layer, 24);
}
