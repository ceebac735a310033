import {
  buildArp,
  buildEthernet,
  buildIpv4,
  buildIpv6,
  concatenate,
  EtherType,
  LinkType,
  Protocol,
} from '@bpfleet/packet';
import type { Random } from '../random.js';
import { bytes, type Ends, macOf, randomEnds, u16 } from './pieces.js';
import { randomTransport } from './transports.js';

export interface Frame {
  readonly bytes: Uint8Array;
  /** As it was on the wire: longer than what was captured of it, where that was cut. */
  readonly whole: Uint8Array;
  readonly wireLength: number;
  /** What it was made of, for the coverage list. */
  readonly kinds: readonly string[];
}

export const LINKS = [LinkType.EN10MB, LinkType.LINUX_SLL, LinkType.LINUX_SLL2, LinkType.RAW, LinkType.NULL] as const;

/** Every kind of piece that frames are made of: those never drawn show as 0. */
export const KINDS = [
  ...[
    'tagged',
    'tagged twice',
    'service tag',
    'old tag',
    'length for a type',
    'padding',
    'trailer',
    'unknown ethertype',
  ],
  ...['ARP', 'ARP of other sizes', 'IPv4', 'IPv4 options', 'IPv4 first fragment', 'IPv4 later fragment'],
  ...['IPv6', 'IPv6 extension headers', 'IPv6 first fragment', 'IPv6 later fragment', 'AH', 'IP in IP', 'IPv6 in IP'],
  ...['TCP', 'TCP options', 'UDP', 'SCTP', 'ICMP', 'ICMP error', 'ICMPv6', 'ICMPv6 error', 'ESP', 'unknown protocol'],
  ...[
    'DNS query',
    'DNS answer',
    'multicast DNS',
    'DNS over TCP',
    'TLS hello',
    'TLS records',
    'HTTP request',
    'HTTP response',
  ],
  'cut',
] as const;

/** What a frame is made to be that a first fragment is compared with: the same one with all that it goes on with. */
const UNFRAGMENTED = 'unfragmented';

/** A frame of this link type; one of four is captured only in part. */
export function randomFrame(random: Random, linkType: number): Frame {
  const kinds: string[] = [];
  const again = random.copy();
  const sent = inLink(random, linkType, kinds);
  const isFragment = kinds.some((kind) => kind.endsWith('first fragment'));
  const whole = isFragment ? inLink(again, linkType, [UNFRAGMENTED]) : sent;
  if (!random.chance(25)) return { bytes: sent, whole, wireLength: sent.length, kinds };
  kinds.push('cut');
  return { bytes: sent.subarray(0, 1 + random.below(sent.length)), whole, wireLength: sent.length, kinds };
}

interface Carried {
  readonly etherType: number;
  readonly payload: Uint8Array;
}

function inLink(random: Random, linkType: number, kinds: string[]): Uint8Array {
  const ip = (): Carried => randomIp(random, kinds, 2);
  switch (linkType) {
    case LinkType.EN10MB:
      return inEthernet(random, kinds);
    case LinkType.LINUX_SLL: {
      const { etherType, payload } = ip();
      return concatenate(u16(random.below(5), 1, 6), bytes(random, 6), u16(0, etherType), payload);
    }
    case LinkType.LINUX_SLL2: {
      const { etherType, payload } = ip();
      const head = concatenate(u16(etherType, 0, 0, random.below(100), 1), Uint8Array.of(random.below(5), 6));
      return concatenate(head, bytes(random, 6), u16(0), payload);
    }
    case LinkType.NULL: {
      const { etherType, payload } = ip();
      return concatenate(Uint8Array.of(etherType === EtherType.IP ? 2 : random.of([24, 28, 30]), 0, 0, 0), payload);
    }
    default:
      return ip().payload;
  }
}

function inEthernet(random: Random, kinds: string[]): Uint8Array {
  const { etherType, payload } = carried(random, kinds);
  const tags = random.chance(25) ? randomTags(random, kinds) : [];
  const frame = buildEthernet({ source: macOf(random), destination: macOf(random), tags, etherType, payload });
  const padded = frame.length < 60 && random.chance(80) ? concatenate(frame, new Uint8Array(60 - frame.length)) : frame;
  if (padded.length > frame.length) kinds.push('padding');
  if (!random.chance(5) || padded.length < 60) return padded;
  kinds.push('trailer');
  return concatenate(padded, bytes(random, 1 + random.below(12)));
}

function randomTags(random: Random, kinds: string[]) {
  const tag = (tpid: number) => ({ id: random.below(4096), priority: random.below(8), tpid });
  switch (random.below(4)) {
    case 0:
      kinds.push('service tag');
      return [tag(0x88a8), tag(0x8100)];
    case 1:
      kinds.push('tagged twice');
      return [tag(0x8100), tag(0x8100)];
    case 2:
      kinds.push('old tag');
      return [tag(0x9100)];
    default:
      kinds.push('tagged');
      return [tag(0x8100)];
  }
}

function carried(random: Random, kinds: string[]): Carried {
  const kind = random.below(40);
  if (kind < 2) return { etherType: EtherType.ARP, payload: randomArp(random, kinds) };
  if (kind === 2) {
    kinds.push('unknown ethertype');
    // Local experiments (802, 9.2.3).
    return { etherType: 0x88b5, payload: bytes(random, random.below(80)) };
  }
  if (kind === 3) {
    kinds.push('length for a type');
    const snap = () => concatenate(Uint8Array.of(0xaa, 0xaa, 3, 0, 0, 0), u16(0x88b5), bytes(random, 20));
    const other = () => concatenate(Uint8Array.of(0xf2, 0xf2, random.of([3, 1])), bytes(random, 20 + random.below(60)));
    const payload = random.of([snap, other])();
    return { etherType: payload.length, payload };
  }
  return randomIp(random, kinds, 2);
}

function randomArp(random: Random, kinds: string[]): Uint8Array {
  if (random.chance(30)) {
    kinds.push('ARP of other sizes');
    const [hardware, protocol] = [random.of([6, 8, 20]), random.of([4, 16])];
    const head = concatenate(u16(32, 0x0800), Uint8Array.of(hardware, protocol), u16(random.of([1, 2])));
    return concatenate(head, bytes(random, 2 * (hardware + protocol)));
  }
  kinds.push('ARP');
  const [senderAddress, targetAddress] = [randomEnds(random, 4).source, randomEnds(random, 4).source];
  return buildArp({
    operation: random.of(['request', 'reply']),
    ...{ senderMac: macOf(random), targetMac: macOf(random), senderAddress, targetAddress },
  });
}

function randomIp(random: Random, kinds: string[], depth: number): Carried {
  const version = random.chance(60) ? 4 : 6;
  const ends = randomEnds(random, version);
  const { protocol, payload } = inside(random, kinds, ends, version, depth);
  return version === 4
    ? { etherType: EtherType.IP, payload: ipv4(random, kinds, ends, protocol, payload) }
    : { etherType: EtherType.IPV6, payload: ipv6(random, kinds, ends, protocol, payload) };
}

interface Inside {
  readonly protocol: number;
  readonly payload: Uint8Array;
}

function inside(random: Random, kinds: string[], ends: Ends, version: 4 | 6, depth: number): Inside {
  if (depth > 0 && random.chance(4)) {
    const { etherType, payload } = randomIp(random, kinds, depth - 1);
    kinds.push(etherType === EtherType.IP ? 'IP in IP' : 'IPv6 in IP');
    return { protocol: etherType === EtherType.IP ? 4 : 41, payload };
  }
  const transport = randomTransport(random, kinds, ends, version);
  if (!random.chance(4)) return transport;
  kinds.push('AH');
  const check = bytes(random, 12);
  const head = concatenate(Uint8Array.of(transport.protocol, 4), u16(0), bytes(random, 8));
  return { protocol: Protocol.AH, payload: concatenate(head, check, transport.payload) };
}

function ipv4(random: Random, kinds: string[], ends: Ends, protocol: number, payload: Uint8Array): Uint8Array {
  const hasOptions = random.chance(10);
  if (hasOptions) kinds.push('IPv4 options');
  const fields = {
    ...ends,
    identification: random.below(65_536),
    ttl: 1 + random.below(255),
    typeOfService: random.below(256),
    protocol,
    payload,
    ...(hasOptions ? { options: ipv4Options(random) } : {}),
  };
  if (random.chance(4)) {
    kinds.push('IPv4 first fragment');
    if (kinds.includes(UNFRAGMENTED)) return buildIpv4(fields);
    return buildIpv4({ ...fields, payload: firstHalf(payload), hasMoreFragments: true });
  }
  if (random.chance(4)) {
    kinds.push('IPv4 later fragment');
    return buildIpv4({ ...fields, fragmentOffset: 8 * (1 + random.below(100)), hasMoreFragments: random.chance(50) });
  }
  kinds.push('IPv4');
  return buildIpv4({ ...fields, hasDontFragment: random.chance(50) });
}

/** Fragments end at multiples of 8 bytes. */
const firstHalf = (payload: Uint8Array): Uint8Array => payload.subarray(0, 8 * Math.ceil(payload.length / 16));

function ipv4Options(random: Random): Uint8Array {
  const route = (type: number) => concatenate(Uint8Array.of(type, 11, random.of([4, 8, 12])), bytes(random, 8));
  const options = Array.from({ length: 1 + random.below(2) }, () =>
    random.of([
      () => Uint8Array.of(148, 4, 0, random.below(2)),
      () => Uint8Array.of(1),
      () => Uint8Array.of(136, 4, 1, 2),
      () => route(random.chance(20) ? random.of([131, 137]) : 7),
    ])(),
  );
  const list = concatenate(...options);
  return concatenate(list, new Uint8Array((4 - (list.length % 4)) % 4));
}

function ipv6(random: Random, kinds: string[], ends: Ends, protocol: number, payload: Uint8Array): Uint8Array {
  const fields = {
    ...ends,
    hopLimit: 1 + random.below(255),
    trafficClass: random.below(256),
    flowLabel: random.below(1 << 20),
    protocol,
  };
  const extensions = random.chance(25) ? extensionHeaders(random) : [];
  if (extensions.length > 0) kinds.push('IPv6 extension headers');
  const fragment = (offsetAndMore: number) => ({ type: 44, body: concatenate(u16(offsetAndMore), bytes(random, 4)) });
  if (random.chance(4)) {
    kinds.push('IPv6 first fragment');
    if (kinds.includes(UNFRAGMENTED))
      return buildIpv6({ ...fields, payload, extensions: [...extensions, fragment(0)] });
    return buildIpv6({ ...fields, payload: firstHalf(payload), extensions: [...extensions, fragment(1)] });
  }
  if (random.chance(4)) {
    kinds.push('IPv6 later fragment');
    const later = fragment(8 * (1 + random.below(100)) + random.below(2));
    return buildIpv6({ ...fields, payload, extensions: [...extensions, later] });
  }
  kinds.push('IPv6');
  return buildIpv6({ ...fields, payload, extensions });
}

function extensionHeaders(random: Random) {
  const hopByHop = { type: 0, body: Uint8Array.of(5, 2, 0, random.below(3), 1, 0) };
  const destination = {
    type: 60,
    body: random.of([Uint8Array.of(1, 4, 0, 0, 0, 0), Uint8Array.of(4, 1, 7, 0, 0, 0)]),
  };
  const routing = { type: 43, body: concatenate(Uint8Array.of(2, 1, 0, 0, 0, 0), bytes(random, 16)) };
  return [hopByHop, destination, routing].filter(() => random.chance(60));
}
