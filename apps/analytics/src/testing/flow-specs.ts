import { buildArp, buildEthernet, buildIcmp, buildIpv4, buildIpv6, buildTcp, buildUdp } from '@bpfleet/packet';
import fc from 'fast-check';
import { makeSection, NOW_NS, type TestSection } from './sections.js';

export const MINUTE = 60_000_000_000n;

/** One packet, and what there is to count of it. */
export interface Spec {
  readonly kind: 'tcp' | 'udp' | 'icmp' | 'arp';
  readonly six: boolean;
  /** Hosts of a small network; a packet may be from a host to itself. */
  readonly from: number;
  readonly to: number;
  readonly port: number;
  /** From the service's port. */
  readonly isReply: boolean;
  readonly atNs: bigint;
  /** Behind a VLAN tag in the frame, which a flow does not tell. */
  readonly isTagged: boolean;
  /** Of its IP header, of which a filter may read what is there: nobody can tell from a flow. */
  readonly damage: 'none' | 'version' | 'cut';
}

export const hasFlow = ({ kind, damage }: Spec): boolean => kind !== 'arp' && damage === 'none';

const anyPacket: fc.Arbitrary<Spec> = fc.record({
  kind: fc.constantFrom('tcp', 'tcp', 'udp', 'udp', 'icmp', 'arp'),
  six: fc.boolean(),
  from: fc.nat(3),
  to: fc.nat(3),
  port: fc.constantFrom(53, 80, 443),
  isReply: fc.boolean(),
  // Two hours, and the last and first nanosecond of each minute.
  atNs: fc
    .tuple(fc.integer({ min: -125, max: 0 }), fc.constantFrom(-1n, 0n, 1n, 30_000_000_000n))
    .map(([minute, ns]) => NOW_NS + BigInt(minute) * MINUTE + ns),
  isTagged: fc.nat(9).map((n) => n === 0),
  damage: fc.constantFrom('none', 'none', 'none', 'none', 'none', 'none', 'version', 'cut'),
});
/** And its answer, where there is one: mostly in the same minute, and then in the same row. */
const anySpecs: fc.Arbitrary<readonly Spec[]> = fc.tuple(anyPacket, fc.boolean()).map(([packet, isAnswered]) => {
  const { from, to, isReply, atNs } = packet;
  const answer = { ...packet, from: to, to: from, isReply: !isReply, atNs: atNs + 1n };
  return isAnswered ? [packet, answer] : [packet];
});

export const hostOf = (six: boolean, n: number) => (six ? `2001:db8::${n + 1}` : `10.0.0.${n + 1}`);

/** To there, and not behind, it was captured; 12 bytes of an IP header have the protocol of IPv4. */
const capturedOf = ({ kind, damage, isTagged }: Spec) =>
  damage === 'cut' && kind !== 'arp' ? { capturedLength: (isTagged ? 18 : 14) + 12 } : {};

export function frameOf(spec: Spec): Uint8Array {
  const frame = soundFrameOf(spec);
  if (spec.damage === 'version' && spec.kind !== 'arp') frame[spec.isTagged ? 18 : 14]! ^= 0xf0;
  return frame;
}

function soundFrameOf({ kind, six, from, to, port, isReply, isTagged }: Spec): Uint8Array {
  const tags = isTagged ? [{ id: 7 }] : [];
  const v6 = six && kind !== 'arp';
  const ends = { source: hostOf(v6, from), destination: hostOf(v6, to) };
  if (kind === 'arp') {
    const fields = { operation: 'reply', senderMac: '02:00:00:00:00:01', targetMac: '02:00:00:00:00:02' } as const;
    const arp = buildArp({ ...fields, senderAddress: ends.source, targetAddress: ends.destination });
    return buildEthernet({ tags, etherType: 0x0806, payload: arp });
  }
  const ports = isReply ? { sourcePort: port, destinationPort: 40_000 } : { sourcePort: 40_000, destinationPort: port };
  const payload = {
    tcp: () => buildTcp({ ...ends, ...ports, flags: 2 }),
    udp: () => buildUdp({ ...ends, ...ports }),
    icmp: () => buildIcmp({ type: 8 }),
  }[kind]();
  const protocol = { tcp: 6, udp: 17, icmp: 1 }[kind];
  return buildEthernet({ tags, payload: (v6 ? buildIpv6 : buildIpv4)({ ...ends, protocol, payload }) });
}

export interface SectionSpec {
  readonly agent: string;
  readonly filters: string;
  readonly weights: readonly number[];
  readonly packets: readonly Spec[];
}
export const anySection: fc.Arbitrary<SectionSpec> = fc
  .record({
    agent: fc.constantFrom('a', 'b'),
    version: fc.constantFrom(
      { filters: 'web@3', weights: [1] },
      { filters: 'dns@1', weights: [10] },
      { filters: 'web@4,dns@1', weights: [1, 10] },
    ),
    packets: fc.array(anySpecs, { minLength: 1, maxLength: 8 }).map((specs) => specs.flat()),
  })
  .map(({ version, ...rest }) => ({ ...rest, ...version }));

/** Of each agent in its order. */
export function sectionsOf(specs: readonly SectionSpec[]): TestSection[] {
  const seqs: Record<string, number> = {};
  return specs.map(({ agent, filters, weights, packets }) => {
    const seq = (seqs[agent] ?? -1) + 1;
    seqs[agent] = seq;
    const frames = packets.map((packet) => ({ atNs: packet.atNs, bytes: frameOf(packet), ...capturedOf(packet) }));
    return makeSection({ agent, epoch: 1, seq, filter: filters, samplingWeights: weights, packets: frames });
  });
}
