import { unsupportedFault } from '../fault.js';
import type { Ir } from '../ir/ir.js';
import { ALL_BITS } from '../ir/ranges.js';
import { allOf, anyOf, leafOf } from '../logic.js';
import type { Direction, WlanAddress } from '../parse/tree.js';
import type { Meaning } from '../resolve/meaning.js';
import { equals, hasBits, not } from './conditions.js';
import { refuseWithoutAddresses, towards } from './hosts.js';
import { isOneOfWords } from './lists.js';
import { type Context, load, moved, type Place, type Scope } from './scope.js';

type Mac = Extract<Meaning, { kind: 'mac' }>;
const SIDES: readonly string[] = ['src', 'dst', 'src or dst', 'src and dst'];
const BROADCAST = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff] as const;
/** Where the addresses stand: IEEE 802.3, and IEEE 802.11 9.3.2.1. */
const ETHERNET = { destination: 0, source: 6 } as const;
const WLAN = { first: 4, second: 10, third: 16, fourth: 24 } as const;
/** Frame control: first byte. */
const [CONTROL, DATA] = [0x04, 0x08];
/** Frame control: second byte. */
const [TO_DS, FROM_DS] = [0x01, 0x02];

export function lowerMac({ addresses, direction, span }: Mac, context: Context): Ir {
  const { scope } = context;
  const isAt = (place: Place, offset: number) => isMacAt(moved(place, offset), addresses);
  if (scope.framing === 'wlan') return onWlan(direction, scope, (offset) => isAt(scope.header, offset));
  if (!SIDES.includes(direction)) {
    throw unsupportedFault(span, `“${direction}” exists on 802.11, not on ${scope.linkName}`, 'ether src, ether dst');
  }
  if (scope.framing !== 'ethernet' && scope.framing !== 'tunnel') {
    return refuseWithoutAddresses('MAC addresses', context, span);
  }
  const found = towards(direction as Direction, (offset) => isAt(scope.header, offset), ETHERNET);
  return behindLinkHeader(scope, found);
}

/** The four low bytes of a MAC address are compared before its two high ones, as in libpcap. */
function isMacAt(place: Place, addresses: readonly (readonly number[])[]): Ir {
  const values = addresses.map(([a = 0, b = 0, c = 0, d = 0, e = 0, f = 0]) => [
    { address: ((c << 24) | (d << 16) | (e << 8) | f) >>> 0, mask: ALL_BITS },
    { address: a * 256 + b, mask: ALL_BITS },
  ]);
  return isOneOfWords([load(place, 2, 4), load(place, 0, 2)], values);
}

/** A tunnel may carry a network header without a link header: then header and payload are one place. */
export function behindLinkHeader({ framing, header, payload }: Scope, condition: Ir): Ir {
  const [left, right] = [header.base, payload.base];
  if (framing !== 'tunnel' || left === undefined || right === undefined) return condition;
  return allOf(not(leafOf({ kind: 'compare', left, comparison: 'eq', right })), condition);
}

/** libpcap: `gen_wlanhostop`. Which address is whose depends on the frame's type and its way (to and from DS). */
function onWlan(direction: Direction | WlanAddress, { header }: Scope, isAt: (offset: number) => Ir): Ir {
  const type = load(header, 0, 1);
  const way = load(header, 1, 1);
  const isClearOrAck = allOf(equals(type, CONTROL, 0x0c), anyOf(equals(type, 0xc0, 0xf0), equals(type, 0xd0, 0xf0)));
  switch (direction) {
    case 'addr1':
      return isAt(WLAN.first);
    case 'addr2':
      return allOf(not(isClearOrAck), isAt(WLAN.second));
    case 'addr3':
      return allOf(not(equals(type, CONTROL, 0x0c)), isAt(WLAN.third));
    case 'addr4':
      return allOf(equals(way, TO_DS | FROM_DS, 0x03), isAt(WLAN.fourth));
    case 'ra':
      return allOf(hasBits(type, DATA), isAt(WLAN.first));
    case 'ta':
      return allOf(hasBits(type, DATA), not(isClearOrAck), isAt(WLAN.second));
    default:
      return towards(direction, (side) => side(header, isAt), { source: fromSource, destination: toDestination });
  }
}

function fromSource(header: Place, isAt: (offset: number) => Ir): Ir {
  const type = load(header, 0, 1);
  const way = load(header, 1, 1);
  return allOf(
    not(hasBits(type, CONTROL)),
    anyOf(
      allOf(
        hasBits(type, DATA),
        hasBits(way, FROM_DS),
        anyOf(allOf(hasBits(way, TO_DS), isAt(WLAN.fourth)), allOf(not(hasBits(way, TO_DS)), isAt(WLAN.third))),
      ),
      allOf(not(allOf(hasBits(type, DATA), hasBits(way, FROM_DS))), isAt(WLAN.second)),
    ),
  );
}

function toDestination(header: Place, isAt: (offset: number) => Ir): Ir {
  const type = load(header, 0, 1);
  const way = load(header, 1, 1);
  const isToDs = allOf(hasBits(type, DATA), hasBits(way, TO_DS));
  return allOf(
    not(hasBits(type, CONTROL)),
    anyOf(allOf(isToDs, isAt(WLAN.third)), allOf(not(isToDs), isAt(WLAN.first))),
  );
}

/** `ether broadcast`, `ether multicast`. */
export function lowerLinkCast(cast: 'broadcast' | 'multicast', context: Context, span: Meaning['span']): Ir {
  if (cast === 'broadcast') {
    return lowerMac({ kind: 'mac', addresses: [BROADCAST], direction: 'dst', ...(span && { span }) }, context);
  }
  const { scope } = context;
  const hasGroupBit = (offset: number) => hasBits(load(scope.header, offset, 1), 1);
  if (scope.framing === 'wlan') return toDestination(scope.header, hasGroupBit);
  if (scope.framing === 'ethernet' || scope.framing === 'tunnel') {
    return behindLinkHeader(scope, hasGroupBit(ETHERNET.destination));
  }
  return refuseWithoutAddresses('multicast addresses of the link layer', context, span);
}
