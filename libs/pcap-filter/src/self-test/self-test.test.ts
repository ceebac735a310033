import { interpret, jit, type Packet } from '@bpfleet/bpf';
import { describe, expect, it } from 'vitest';
import { type CompileOptions, compile, supportedLinkTypes } from '../compile.js';
import { compileEbpf } from '../compile-ebpf.js';
import { type SelfTestPacket, selfTestPackets } from './self-test.js';

const asPacket = ({ bytes, wireLength, metadata }: SelfTestPacket): Packet => {
  const packet = { bytes, start: 0, capturedLength: bytes.length, wireLength };
  return metadata === undefined ? packet : { ...packet, metadata };
};
const made = (expression: string, options: CompileOptions = {}) => {
  const compilation = compile(expression, options);
  return { ...compilation, ...selfTestPackets(compilation, options) };
};
const u16 = (bytes: Uint8Array, at: number) => (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0);

/** For each link type what is filtered for there. */
const REALISTIC: readonly (readonly [linkType: string, expressions: readonly string[]])[] = [
  [
    'EN10MB',
    [
      'tcp dst port 80',
      'port 53',
      'tcp port 443 and host 10.0.0.7',
      'host in {10.0.0.1, 10.1.0.0/16, 10.9.9.9}',
      'src net 10.0.0.0/8 and not dst net 10.0.0.0/8',
      'tcp dst port in {80, 443, 8000-8080}',
      'icmp[icmptype] = icmp-echo or icmp6',
      'tcp[tcpflags] & (tcp-syn|tcp-fin) != 0',
      'tcp[(tcp[12] & 0xf0) >> 2 : 4] = 0x47455420',
      'ip[2:2] > 576 and udp',
      'len - 14 != ip[2:2]',
      'less 100 and greater 60',
      'ether host 00:11:22:33:44:55',
      'ether multicast and not broadcast',
      'arp or rarp',
      'vlan 100 and tcp port 80',
      'vlan and vlan 7',
      'mpls 1024 and mpls and ip host 10.0.0.7',
      'pppoes 7 and ip6',
      'geneve 5 and host 10.0.0.7',
      'vxlan 9 and tcp',
      'host 2001:db8::7 or net 2001:db8:1::/48',
      'udp portrange 5000-6000 and not ip multicast',
      'stp or ether proto 0x88cc or ether proto 0x8809',
      'ip protochain 6',
      'not (tcp or udp or icmp)',
    ],
  ],
  ['LINUX_SLL', ['inbound and tcp port 22', 'arp', 'net 192.168.0.0/16 and udp']],
  ['LINUX_SLL2', ['outbound and udp port 53', 'ifindex 3', 'host 10.0.0.7']],
  ['RAW', ['tcp port 443', 'ip6 and udp', 'host 10.0.0.7']],
  ['IPV4', ['tcp port 443', 'ip[8] < 5', 'net 10.0.0.0/8']],
  ['IPV6', ['tcp port 443', 'ip6 host 2001:db8::7', 'icmp6']],
  ['NULL', ['tcp port 443', 'ip6', 'net 127.0.0.0/8']],
  ['LOOP', ['udp port 53', 'ip']],
  ['PPP', ['tcp port 443', 'ip6', 'mpls 5 and ip']],
  ['IEEE802_11', ['type mgt subtype beacon', 'tcp port 443', 'wlan addr1 00:11:22:33:44:55', 'dir fromds']],
  ['IEEE802_11_RADIO', ['type data and udp', 'wlan ra 00:11:22:33:44:55', 'ip host 10.0.0.7']],
];

describe('selfTestPackets', () => {
  it('ends for thousands of conditions that no packet of its length can meet', () => {
    const lengths = Array.from({ length: 3000 }, (_, index) => `len = ${4000 + index}`).join(' or ');
    const { packets } = made(`udp port 9993 or (${lengths})`);
    expect(packets.length).toBeGreaterThan(0);
  });

  it('tries each side of “tcp dst port 80”, the ports beside it, fragments, and the length that is just enough', () => {
    const { packets, coverage } = made('tcp dst port 80');
    expect(coverage).toEqual({ conditions: 7, bothSides: 7, missed: [] });
    const overIpv4 = packets.filter(({ bytes }) => u16(bytes, 12) === 0x0800 && bytes[23] === 6);
    expect(overIpv4.some(({ bytes, verdict }) => u16(bytes, 36) === 80 && verdict > 0)).toBe(true);
    expect(overIpv4.some(({ bytes, verdict }) => u16(bytes, 36) === 79 && verdict === 0)).toBe(true);
    expect(overIpv4.some(({ bytes, verdict }) => u16(bytes, 36) === 81 && verdict === 0)).toBe(true);
    expect(overIpv4.some(({ bytes, verdict }) => (u16(bytes, 20) & 0x1fff) !== 0 && verdict === 0)).toBe(true);
    const lengths = packets.map(({ bytes, verdict }) => [bytes.length, verdict > 0]);
    expect(lengths).toContainEqual([38, true]);
    expect(lengths).toContainEqual([37, false]);
  });
  it('has packets that every program accepts for an expression without conditions', () => {
    const { packets, coverage } = made('', { snaplenBytes: 96 });
    expect(coverage).toEqual({ conditions: 0, bothSides: 0, missed: [] });
    expect(packets.length).toBeGreaterThan(0);
    expect(packets.every(({ verdict }) => verdict === 96)).toBe(true);
  });
  it('tries a list at its borders, not at each of its values', () => {
    const hosts = Array.from({ length: 1000 }, (_, index) => `10.${index >> 8}.${index & 255}.1`);
    const { packets, coverage } = made(`src host in {${hosts}}`);
    expect(coverage.missed).toEqual([]);
    expect(packets.length).toBeLessThanOrEqual(64);
  });
  it('has both verdicts and the shortest length also of filters with more conditions than packets', () => {
    const terms = Array.from({ length: 100 }, (_, index) => `(src host 10.0.${index}.7 and tcp port ${3 * index + 1})`);
    const { packets } = made(terms.join(' or '));
    expect(packets).toHaveLength(64);
    const accepted = packets.filter(({ verdict }) => verdict > 0).length;
    expect(accepted).toBeGreaterThan(20);
    expect(accepted).toBeLessThan(44);
    expect(packets.map(({ bytes, verdict }) => [bytes.length, verdict > 0])).toContainEqual([38, true]);
  });
  it('says which packets need what stands beside the bytes, and gives it', () => {
    const live = made('vlan 100 and tcp', { live: true }).packets;
    expect(live.filter(({ verdict }) => verdict > 0).map(({ metadata }) => metadata?.vlanTci ?? 0)).toContain(100);
    expect(live.every(({ needsMetadata, metadata }) => needsMetadata === (metadata !== undefined))).toBe(true);
    const direction = made('inbound and tcp', { live: true }).packets;
    expect(new Set(direction.map(({ metadata }) => metadata?.packetType))).toContain(4);
    const mixed = made('tcp and ifindex 7', { live: true }).packets;
    expect(mixed.some(({ needsMetadata, metadata }) => needsMetadata && metadata?.interfaceIndex === 7)).toBe(true);
    expect(mixed.some(({ needsMetadata }) => !needsMetadata)).toBe(true);
    expect(made('vlan 100').packets.some(({ needsMetadata }) => needsMetadata)).toBe(false);
  });
  it('names the side that no packet can take', () => {
    const { coverage } = made('greater 3000', { optimize: false });
    expect(coverage.missed).toEqual([{ condition: 'len in {0xbb8-} ? accept : reject', answers: ['yes'] }]);
    expect(selfTestPackets(compile('greater 3000'), { maxPacketBytes: 4000 }).coverage.missed).toEqual([]);
  });
  it('expects of a filter without a classic program what the decision graph says', () => {
    const { program, stages } = compile('port 80 or host in {10.0.0.1, 10.0.0.9}', { snaplenBytes: 96 });
    expect(selfTestPackets({ stages }, { snaplenBytes: 96 })).toEqual(selfTestPackets({ stages, program }));
    const list = Array.from(
      { length: 100_000 },
      (_, index) => `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`,
    );
    const many = compileEbpf('ip src host in {@list} or vlan', { names: { sets: { list } } });
    expect(selfTestPackets(many).coverage.missed).toEqual([]);
  });
  it('makes the same packets again, and no more than asked for', () => {
    const compilation = compile('port 80 or host in {10.0.0.1, 10.0.0.9}');
    expect(selfTestPackets(compilation)).toEqual(selfTestPackets(compilation));
    expect(selfTestPackets(compilation, { maxPackets: 5 }).packets).toHaveLength(5);
  });
  it('covers ≥ 95 % of the conditions of what people filter for, on every link type, with verdicts all machines agree on', () => {
    const count = { expressions: 0, conditions: 0, bothSides: 0, packets: 0, accepted: 0 };
    for (const [linkType, expressions] of REALISTIC) {
      for (const expression of expressions) {
        const { packets, coverage, program } = made(expression, { linkType });
        const run = jit(program);
        for (const packet of packets) {
          const { bytes, wireLength, metadata, verdict } = packet;
          expect(interpret(program, asPacket(packet))).toBe(verdict);
          expect(run(bytes, 0, bytes.length, wireLength, metadata)).toBe(verdict);
        }
        count.expressions++;
        count.conditions += coverage.conditions;
        count.bothSides += coverage.bothSides;
        count.packets += packets.length;
        count.accepted += packets.filter(({ verdict }) => verdict > 0).length;
        expect(new Set(packets.map(({ verdict }) => verdict > 0)).size, `${linkType}: ${expression}`).toBe(2);
      }
    }
    console.info('self-test packets', count);
    expect(REALISTIC.map(([linkType]) => linkType)).toEqual(supportedLinkTypes);
    expect(count.expressions).toBeGreaterThanOrEqual(40);
    expect(count.bothSides / count.conditions).toBeGreaterThanOrEqual(0.95);
  });
});
