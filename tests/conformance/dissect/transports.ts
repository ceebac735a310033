import {
  buildIcmp,
  buildIcmpv6,
  buildIpv4,
  buildIpv6,
  buildTcp,
  buildUdp,
  concatenate,
  Protocol,
  parseIpv4,
  parseIpv6,
} from '@bpfleet/packet';
import type { Random } from '../random.js';
import { overTcp, overUdp } from './applications.js';
import { bytes, type Ends, filler, highPort, randomEnds, u16, u32 } from './pieces.js';

interface Transport {
  readonly protocol: number;
  readonly payload: Uint8Array;
}

export function randomTransport(random: Random, kinds: string[], ends: Ends, version: 4 | 6): Transport {
  const kind = random.below(20);
  if (kind < 8) return { protocol: Protocol.TCP, payload: tcp(random, kinds, ends) };
  if (kind < 13) return { protocol: Protocol.UDP, payload: udp(random, kinds, ends) };
  if (kind < 15) return { protocol: Protocol.SCTP, payload: sctp(random, kinds) };
  if (kind < 18) {
    return version === 4
      ? { protocol: Protocol.ICMP, payload: icmp(random, kinds) }
      : { protocol: Protocol.ICMP6, payload: icmpv6(random, kinds, ends) };
  }
  if (kind === 18) {
    kinds.push('ESP');
    return { protocol: Protocol.ESP, payload: bytes(random, 8 + random.below(40)) };
  }
  kinds.push('unknown protocol');
  // Experiments (RFC 3692).
  return { protocol: 253, payload: bytes(random, random.below(40)) };
}

function tcp(random: Random, kinds: string[], ends: Ends): Uint8Array {
  kinds.push('TCP');
  const hasOptions = random.chance(50);
  if (hasOptions) kinds.push('TCP options');
  const { port, payload } = random.chance(60)
    ? overTcp(random, kinds)
    : { port: highPort(random), payload: filler(random) };
  const [sourcePort, destinationPort] = random.chance(50) ? [port, highPort(random)] : [highPort(random), port];
  const segment = buildTcp({
    ...ends,
    ...{ sourcePort, destinationPort, payload },
    flags: random.below(256),
    sequence: random.below(2 ** 32),
    acknowledgement: random.below(2 ** 32),
    window: random.below(65_536),
    urgent: random.chance(10) ? random.below(65_536) : 0,
    options: hasOptions
      ? {
          ...(random.chance(50) ? { maxSegmentSize: random.below(65_536) } : {}),
          ...(random.chance(50) ? { windowScale: random.below(15) } : {}),
          sackPermitted: random.chance(50),
          ...(random.chance(50) ? { timestamps: [random.below(2 ** 32), random.below(2 ** 32)] } : {}),
        }
      : {},
  });
  return hasOptions && random.chance(30) ? withSack(random, segment) : segment;
}

/** In place of what options there were: two no-operations and one or two blocks (RFC 2018, 3). */
function withSack(random: Random, segment: Uint8Array): Uint8Array {
  const blocks = 1 + random.below(2);
  const head = segment.slice(0, 20);
  const payload = segment.subarray((segment[12]! >> 4) * 4);
  head[12] = (6 + 2 * blocks) << 4;
  return concatenate(head, Uint8Array.of(1, 1, 5, 2 + 8 * blocks), bytes(random, 8 * blocks), payload);
}

function udp(random: Random, kinds: string[], ends: Ends): Uint8Array {
  kinds.push('UDP');
  const { port, payload } = random.chance(60)
    ? overUdp(random, kinds)
    : { port: highPort(random), payload: filler(random) };
  const [sourcePort, destinationPort] = random.chance(50) ? [port, highPort(random)] : [highPort(random), port];
  return buildUdp({ ...ends, sourcePort, destinationPort, payload });
}

/** The head of a packet, as an error returns it (RFC 792; RFC 4443, 3): at least 8 bytes behind the IP header. */
function quote(random: Random, version: 4 | 6): Uint8Array {
  const ends = randomEnds(random, version);
  const ports = { ...ends, sourcePort: highPort(random), destinationPort: highPort(random) };
  const isTcp = random.chance(50);
  const payload = isTcp
    ? buildTcp({ ...ports, flags: 2, sequence: random.below(2 ** 32), payload: filler(random) })
    : buildUdp({ ...ports, payload: filler(random) });
  const fields = { ...ends, protocol: isTcp ? Protocol.TCP : Protocol.UDP, payload };
  const packet = version === 4 ? buildIpv4(fields) : buildIpv6(fields);
  const head = (version === 4 ? 20 : 40) + 8;
  return random.chance(50) ? packet.subarray(0, head) : packet;
}

function icmp(random: Random, kinds: string[]): Uint8Array {
  const error = (type: number, code: number, word: number) => {
    kinds.push('ICMP error');
    return buildIcmp({ type, code, word, payload: quote(random, 4) });
  };
  kinds.push('ICMP');
  return random.of([
    () => buildIcmp({ type: random.of([0, 8]), word: random.below(2 ** 32), payload: filler(random) }),
    () => error(3, random.of([0, 1, 3, 13]), 0),
    () => error(3, 4, 1 + random.below(65_535)),
    () => error(5, random.below(4), Number(random.below(2 ** 32))),
    () => error(11, random.below(2), 0),
    () => error(12, 0, random.below(20) << 24),
    () => buildIcmp({ type: random.of([13, 14]), word: random.below(2 ** 32), payload: bytes(random, 12) }),
    () => buildIcmp({ type: random.of([17, 18]), word: random.below(2 ** 32), payload: parseIpv4('255.255.0.0') }),
  ])();
}

function icmpv6(random: Random, kinds: string[], ends: Ends): Uint8Array {
  const target = () => parseIpv6(randomEnds(random, 6).source);
  const linkAddress = (type: number) => concatenate(Uint8Array.of(type, 1), bytes(random, 6));
  const error = (type: number, word: number) => {
    kinds.push('ICMPv6 error');
    return buildIcmpv6({ ...ends, type, word, payload: quote(random, 6) });
  };
  kinds.push('ICMPv6');
  return random.of([
    () => buildIcmpv6({ ...ends, type: random.of([128, 129]), word: random.below(2 ** 32), payload: filler(random) }),
    () => error(1, 0),
    () => error(2, 1280 + random.below(1000)),
    () => error(3, 0),
    () => error(4, random.below(100)),
    () => buildIcmpv6({ ...ends, type: 133, payload: random.chance(50) ? linkAddress(1) : new Uint8Array() }),
    () =>
      buildIcmpv6({
        ...ends,
        type: 134,
        word: random.below(2 ** 32),
        payload: advertisement(random, target()),
      }),
    () => buildIcmpv6({ ...ends, type: 135, payload: concatenate(target(), linkAddress(1)) }),
    () =>
      buildIcmpv6({
        ...ends,
        type: 136,
        word: random.below(2 ** 32),
        payload: concatenate(target(), linkAddress(2)),
      }),
    () => buildIcmpv6({ ...ends, type: 137, payload: concatenate(target(), target(), linkAddress(2)) }),
  ])();
}

/** Timers, prefix and MTU (RFC 4861, 4.2). */
function advertisement(random: Random, prefix: Uint8Array): Uint8Array {
  const prefixOption = concatenate(Uint8Array.of(3, 4, 64, random.below(256)), bytes(random, 8), u32(0), prefix);
  return concatenate(
    bytes(random, 8),
    Uint8Array.of(1, 1),
    bytes(random, 6),
    Uint8Array.of(5, 1, 0, 0),
    u32(1500),
    prefixOption,
  );
}

function sctp(random: Random, kinds: string[]): Uint8Array {
  kinds.push('SCTP');
  const chunk = (type: number, flags: number, body: Uint8Array) => {
    const padding = new Uint8Array((4 - (body.length % 4)) % 4);
    return concatenate(Uint8Array.of(type, flags), u16(4 + body.length), body, padding);
  };
  const initiation = () =>
    concatenate(
      bytes(random, 16),
      random.of([
        new Uint8Array(),
        concatenate(u16(5, 8), bytes(random, 4)),
        concatenate(u16(6, 20), bytes(random, 16)),
      ]),
    );
  const sack = (gaps: number) =>
    concatenate(bytes(random, 8), u16(gaps, 0), ...Array.from({ length: gaps }, () => u16(2, 3)));
  const data = () =>
    concatenate(bytes(random, 8), u32(random.of([0, 0xffff_0000])), new Uint8Array(1 + random.below(20)).fill(0x7e));
  const chunks = Array.from({ length: 1 + random.below(3) }, () =>
    random.of([
      () => chunk(0, 3 + (random.below(4) << 2), data()),
      () => chunk(1, 0, initiation()),
      () => chunk(2, 0, initiation()),
      () => chunk(3, 0, sack(random.below(3))),
      () => chunk(4, 0, concatenate(u16(1, 8), bytes(random, 4))),
      () => chunk(5, 0, concatenate(u16(1, 8), bytes(random, 4))),
      () => chunk(7, 0, bytes(random, 4)),
      () => chunk(8, 0, new Uint8Array()),
      () => chunk(10, 0, bytes(random, 1 + random.below(30))),
      () => chunk(11, 0, new Uint8Array()),
      () => chunk(14, 0, new Uint8Array()),
    ])(),
  );
  return concatenate(u16(highPort(random), highPort(random)), bytes(random, 8), ...chunks);
}
