import { allOf, anyOf } from '../../logic.js';
import type { Meaning } from '../../resolve/meaning.js';
import type { Ir } from './ir.js';
import type { LinkLayer } from './link-layer.js';
import { any, inRanges } from './lists.js';
import { towards } from './network.js';
import { at, behindIpv4, equals, not, test } from './tests.js';

type Ports = Extract<Meaning, { kind: 'ports' }>;

const SOURCE_PORT = 0;
const DESTINATION_PORT = 2;

/**
 * Ports over IPv6, then over IPv4, each protocol on its own: libpcap's order, which shows in the verdict of packets
 * too short for all of it.
 * In IPv4 a fragment other than the first has no ports; in IPv6 the ports must follow the fixed header.
 */
export function lowerPorts(ports: Ports, link: LinkLayer): Ir {
  return anyOf(
    allOf(link.carries('ip6'), any(ports.protocols.map((protocol) => overIpv6(ports, protocol, link.network)))),
    allOf(link.carries('ip'), any(ports.protocols.map((protocol) => overIpv4(ports, protocol, link.network)))),
  );
}

function overIpv6(ports: Ports, protocol: number, network: number): Ir {
  const side = (offset: number) => inRanges(at(network + 40 + offset, 2), ports.ranges);
  return allOf(
    equals(at(network + 6, 1), protocol),
    towards(
      ports.direction,
      () => side(SOURCE_PORT),
      () => side(DESTINATION_PORT),
    ),
  );
}

function overIpv4(ports: Ports, protocol: number, network: number): Ir {
  const isLaterFragment = test(at(network + 6, 2), 'set', 0x1fff);
  const side = (offset: number) => inRanges(behindIpv4(network, network + offset, 2), ports.ranges);
  return allOf(
    equals(at(network + 9, 1), protocol),
    not(isLaterFragment),
    towards(
      ports.direction,
      () => side(SOURCE_PORT),
      () => side(DESTINATION_PORT),
    ),
  );
}
