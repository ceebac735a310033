import {
  buildArp,
  buildEthernet,
  buildIcmp,
  buildIcmpv6,
  buildIpv4,
  buildIpv4Fragments,
  buildIpv6,
  buildTcp,
  buildUdp,
  Protocol,
  TcpFlag,
} from '@bpfleet/packet';

export interface MixEndpoints {
  readonly sourceMac: string;
  readonly destinationMac: string;
  readonly source: string;
  readonly destination: string;
  readonly source6: string;
  readonly destination6: string;
}

type Kind = (ends: MixEndpoints, n: number) => readonly Uint8Array[];

const ethernet = (ends: MixEndpoints, payload: Uint8Array, extra: object = {}): Uint8Array =>
  buildEthernet({ source: ends.sourceMac, destination: ends.destinationMac, payload, ...extra });

/** Says which packet it is, and makes lengths differ: 0 to 1,399 bytes more. */
const body = (kind: string, n: number): string => `${kind} ${n} `.padEnd(12 + ((n * 37) % 1400), '.');

const ipv4 = (ends: MixEndpoints, protocol: number, payload: Uint8Array, n: number, over: object = {}): Uint8Array =>
  buildIpv4({
    source: ends.source,
    destination: ends.destination,
    protocol,
    payload,
    identification: n & 0xffff,
    ...over,
  });
const ipv6 = (ends: MixEndpoints, protocol: number, payload: Uint8Array): Uint8Array =>
  buildIpv6({ source: ends.source6, destination: ends.destination6, protocol, payload });
const v6 = ({ source6, destination6 }: MixEndpoints) => ({ source: source6, destination: destination6 });

const udp = (ends: { source: string; destination: string }, port: number, payload: string): Uint8Array =>
  buildUdp({ source: ends.source, destination: ends.destination, sourcePort: 40_000, destinationPort: port, payload });
const tcp = (ends: { source: string; destination: string }, port: number, n: number, payload: string): Uint8Array =>
  buildTcp({
    source: ends.source,
    destination: ends.destination,
    sourcePort: 40_001,
    destinationPort: port,
    flags: n % 10 === 0 ? TcpFlag.SYN : TcpFlag.ACK | TcpFlag.PSH,
    sequence: n,
    options: n % 10 === 0 ? { maxSegmentSize: 1460, windowScale: 7, sackPermitted: true } : { timestamps: [n, n + 1] },
    payload,
  });

/** Twelve kinds of traffic; ports far from those of the hosts' own servers, so that nobody answers for long. */
export const kinds: Readonly<Record<string, Kind>> = {
  'udp over IPv4': (ends, n) => [ethernet(ends, ipv4(ends, Protocol.UDP, udp(ends, 5300, body('udp4', n)), n))],
  'udp over IPv6': (ends, n) => [ethernet(ends, ipv6(ends, Protocol.UDP, udp(v6(ends), 5300, body('udp6', n))))],
  'tcp with options': (ends, n) => [ethernet(ends, ipv4(ends, Protocol.TCP, tcp(ends, 5443, n, body('tcp4', n)), n))],
  'tcp over IPv6': (ends, n) => [ethernet(ends, ipv6(ends, Protocol.TCP, tcp(v6(ends), 5443, n, body('tcp6', n))))],
  'IPv4 options': (ends, n) => [
    ethernet(
      ends,
      // Router alert (RFC 2113): a header of 24 bytes.
      ipv4(ends, Protocol.UDP, udp(ends, 5300, body('opt', n)), n, { options: Uint8Array.of(0x94, 4, 0, 0) }),
    ),
  ],
  fragments: (ends, n) =>
    buildIpv4Fragments(
      {
        source: ends.source,
        destination: ends.destination,
        protocol: Protocol.UDP,
        identification: n & 0xffff,
        payload: udp(ends, 5300, body('frag', n).padEnd(2500, '.')),
      },
      1500,
    ).map((packet) => ethernet(ends, packet)),
  icmp: (ends, n) => [
    ethernet(ends, ipv4(ends, Protocol.ICMP, buildIcmp({ type: 0, word: n, payload: body('icmp', n) }), n)),
  ],
  icmp6: (ends, n) => [
    ethernet(
      ends,
      ipv6(ends, Protocol.ICMP6, buildIcmpv6({ type: 129, word: n, payload: body('icmp6', n), ...v6(ends) })),
    ),
  ],
  arp: (ends, n) => [
    ethernet(
      ends,
      buildArp({
        operation: 'reply',
        senderMac: ends.sourceMac,
        // Not an address of anybody: no host's ARP table is disturbed.
        senderAddress: `192.0.2.${n % 250}`,
        targetMac: ends.destinationMac,
        targetAddress: `198.51.100.${Math.floor(n / 250) % 250}`,
      }),
      { etherType: 0x0806 },
    ),
  ],
  '802.1Q': (ends, n) => [
    ethernet(ends, ipv4(ends, Protocol.UDP, udp(ends, 5300, body('vlan', n)), n), {
      tags: [{ id: 1 + (n % 4000), priority: n % 8 }],
    }),
  ],
  QinQ: (ends, n) => [
    ethernet(ends, ipv4(ends, Protocol.UDP, udp(ends, 5300, body('qinq', n)), n), {
      tags: [{ id: 100, tpid: 0x88a8 }, { id: 1 + (n % 4000) }],
    }),
  ],
  'another protocol': (ends, n) => [ethernet(ends, ipv4(ends, 47, new TextEncoder().encode(body('gre', n)), n))],
};

/** `count` frames or a few more, all kinds in turn. */
export function trafficMix(ends: MixEndpoints, count: number): Uint8Array[] {
  const frames: Uint8Array[] = [];
  const makers = Object.values(kinds);
  for (let n = 0; frames.length < count; n++) frames.push(...makers[n % makers.length]!(ends, n));
  return frames;
}
