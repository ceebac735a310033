import { field, hex, named } from '../field.js';
import { etherTypes } from '../names.js';
import type { Protocol } from '../protocol.js';

const packetTypes = named({ 0: 'to us', 1: 'broadcast', 2: 'multicast', 3: 'to someone else', 4: 'sent by us' });
const PACKET_TYPE = field('sll.pkttype', 'Packet type', packetTypes);
const ADDRESS_TYPE = field('sll.hatype', 'Link-layer address type');
const ADDRESS_LENGTH = field('sll.halen', 'Link-layer address length');
const ADDRESS = field('sll.src.eth', 'Source');
const OTHER_ADDRESS = field('sll.src.other', 'Source');
const TYPE = field('sll.etype', 'Protocol', named(etherTypes, hex(4)));
const INTERFACE = field('sll.ifindex', 'Interface index');

/** LINKTYPE_LINUX_SLL: the `any` interface's header, tcpdump.org. */
export const linuxCooked: Protocol = {
  name: 'sll',
  title: 'Linux cooked capture v1',
  dissect(layer, next) {
    layer.setLength(16);
    layer.uint(PACKET_TYPE, 0, 2);
    layer.uint(ADDRESS_TYPE, 2, 2);
    const addressLength = layer.uint(ADDRESS_LENGTH, 4, 2);
    if (addressLength === 6) layer.mac(ADDRESS, 6);
    else if (addressLength > 0) layer.bytes(OTHER_ADDRESS, 6, Math.min(addressLength, 8));
    const type = layer.uint(TYPE, 14, 2);
    next.byNumber('ethertype', type, layer.slice.part(16));
    return undefined;
  },
};

/** LINKTYPE_LINUX_SLL2. */
export const linuxCooked2: Protocol = {
  name: 'sll',
  title: 'Linux cooked capture v2',
  dissect(layer, next) {
    layer.setLength(20);
    const type = layer.uint(TYPE, 0, 2);
    layer.uint(INTERFACE, 4, 4);
    layer.uint(ADDRESS_TYPE, 8, 2);
    layer.uint(PACKET_TYPE, 10, 1);
    const addressLength = layer.uint(ADDRESS_LENGTH, 11, 1);
    if (addressLength === 6) layer.mac(ADDRESS, 12);
    else if (addressLength > 0) layer.bytes(OTHER_ADDRESS, 12, Math.min(addressLength, 8));
    next.byNumber('ethertype', type, layer.slice.part(20));
    return undefined;
  },
};
