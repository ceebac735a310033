import { field, named } from '../field.js';
import type { Protocol } from '../protocol.js';

const FAMILY = field(
  'null.family',
  'Address family',
  named({ 2: 'IPv4', 10: 'IPv6', 24: 'IPv6', 28: 'IPv6', 30: 'IPv6' }),
);

/** AF_INET6 of Linux; NetBSD and OpenBSD; FreeBSD; Darwin. */
const IPV6_FAMILIES = [10, 24, 28, 30];

/** LINKTYPE_NULL has the address family in the byte order of the machine that captured, LINKTYPE_LOOP in network order. */
export const loopback: Protocol = {
  name: 'null',
  title: 'BSD loopback',
  dissect(layer, next) {
    layer.setLength(4);
    const written = layer.slice.u32(0);
    const family = written > 0xffff ? layer.slice.u8(0) + 256 * layer.slice.u8(1) : written;
    layer.add(FAMILY, 0, 4, family);
    const payload = layer.slice.part(4);
    if (family === 2) next.byNumber('ethertype', 0x0800, payload);
    else if (IPV6_FAMILIES.includes(family)) next.byNumber('ethertype', 0x86dd, payload);
    else next.asData(payload);
    return undefined;
  },
};
