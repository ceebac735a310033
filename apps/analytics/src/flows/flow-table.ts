import { Dissection, dissect, EtherType } from '@bpfleet/packet';
import { forEachPacket, type PacketCursor, PacketFlag, type Section, type SectionInterface } from '@bpfleet/section';
import { type FlowRow, MINUTE_NS, type OtherPackets } from '@bpfleet/store';
import { filtersOf } from '../filter-labels.js';
import { FlowCounts } from './flow-counts.js';
import { MinuteClock } from './minute-clock.js';

/** Flows of one agent and one list of versions. */
interface Scope {
  readonly agent: string;
  readonly filters: string;
  readonly weights: string;
  readonly minutes: Map<number, MinuteFlows>;
}

interface MinuteFlows {
  readonly four: FlowCounts;
  readonly six: FlowCounts;
  /** Of packets without a flow; unclear: which may be IP. */
  otherPackets: number;
  otherBytes: number;
  unclearPackets: number;
  unclearBytes: number;
}

const noFlows = (): MinuteFlows => ({
  four: new FlowCounts(4),
  six: new FlowCounts(16),
  otherPackets: 0,
  otherBytes: 0,
  unclearPackets: 0,
  unclearBytes: 0,
});

/** An interface block while the packets of its section are counted. */
interface Lane {
  readonly linkType: number;
  readonly scope: Scope;
  readonly clock: MinuteClock;
  flows: MinuteFlows;
}

/** What a lane has before its first packet; nothing is counted in it. */
const NO_FLOWS = noFlows();

/**
 * Counts packets by 5-tuple, both directions together, per agent, list of versions and minute: what becomes one `flow` row each. A packet that
 * several versions stored counts once, for the list of them. What is not IP has no flow, and is counted by its minute.
 */
export class FlowTable {
  readonly #scopes = new Map<string, Scope>();
  readonly #dissection = new Dissection();
  #packets = 0;

  /** Packets counted since the last `clear`. */
  get packets(): number {
    return this.#packets;
  }

  /** @param bytes the section, which `readSection` has checked; nothing of it is kept */
  add(agent: string, section: Section, bytes: Uint8Array): void {
    const lanes = section.interfaces.map((described) => this.#laneOf(agent, described));
    forEachPacket(bytes, (packet) => {
      const lane = lanes[packet.interfaceId];
      if (lane !== undefined) this.#count(packet, bytes, lane);
      return true;
    });
  }

  *rows(): Generator<FlowRow, void, void> {
    for (const scope of this.#scopes.values()) {
      for (const { four, six } of scope.minutes.values()) {
        yield* four.rows(scope);
        yield* six.rows(scope);
      }
    }
  }

  others(): OtherPackets[] {
    const others: OtherPackets[] = [];
    for (const { agent, filters, weights, minutes } of this.#scopes.values()) {
      for (const [minute, { otherPackets: packets, otherBytes: bytes, unclearPackets, unclearBytes }] of minutes) {
        const bucket = { bucketNs: BigInt(minute) * MINUTE_NS, agent, filters, weights };
        if (packets > 0) others.push({ ...bucket, packets, bytes, unclearPackets, unclearBytes });
      }
    }
    return others;
  }

  clear(): void {
    this.#scopes.clear();
    this.#packets = 0;
  }

  /** Undefined for an interface without a version: what it saw is in those of the versions. */
  #laneOf(agent: string, { description, linkType, samplingWeights = [] }: SectionInterface): Lane | undefined {
    const versions = filtersOf(description);
    if (versions.length === 0) return undefined;
    const filters = versions.join(',');
    const isSampled = samplingWeights.some((weight) => weight !== 1);
    const weights = isSampled ? versions.map((_, index) => samplingWeights[index] ?? 1).join(',') : '';
    const key = `${agent} ${filters} ${weights}`;
    let scope = this.#scopes.get(key);
    if (scope === undefined) {
      scope = { agent, filters, weights, minutes: new Map() };
      this.#scopes.set(key, scope);
    }
    return { linkType, scope, clock: new MinuteClock(), flows: NO_FLOWS };
  }

  #count(packet: PacketCursor, bytes: Uint8Array, lane: Lane): void {
    const dissection = this.#dissection;
    dissect(bytes, packet.start, packet.capturedLength, lane.linkType, dissection);
    if (lane.clock.isOther(packet.atHigh, packet.atLow)) lane.flows = flowsOf(lane.scope, lane.clock.minute);
    this.#packets++;
    // ARP has addresses and no protocol.
    if (dissection.protocol < 0) {
      lane.flows.otherPackets++;
      lane.flows.otherBytes += packet.wireLength;
      if (isOther(dissection)) return;
      lane.flows.unclearPackets++;
      lane.flows.unclearBytes += packet.wireLength;
      return;
    }
    const flows = dissection.addressLength === 4 ? lane.flows.four : lane.flows.six;
    flows.add(bytes, packet, dissection, isPlain(packet, dissection, bytes));
  }
}

function flowsOf({ minutes }: Scope, minute: number): MinuteFlows {
  let flows = minutes.get(minute);
  if (flows === undefined) {
    flows = noFlows();
    minutes.set(minute, flows);
  }
  return flows;
}

/**
 * Whether a packet without a flow certainly is not IP: a filter reads its EtherType, and finds another one. Else it may look
 * into an IP header that the dissection took for damaged, or ask of bytes that were cut off.
 */
const isOther = ({ network, etherType }: Dissection): boolean =>
  network !== 'none' && etherType >= 0 && etherType !== EtherType.IP && etherType !== EtherType.IPV6;

/** `struct ipv6hdr`: what the header itself says follows. */
const IP6_NEXT_HEADER = 6;

/**
 * Whether a filter expression finds addresses, protocol and ports where the dissection found them, and nothing else it
 * can ask by them: not behind VLAN tags that the kernel left in place, or IPv6 extension headers, nor cut off.
 */
function isPlain({ flags }: PacketCursor, dissection: Dissection, bytes: Uint8Array): boolean {
  const { vlanId, innerVlanId, network, networkOffset, protocol, transport, sourcePort, fragmentOffset } = dissection;
  // Its extension headers were cut off.
  if (dissection.payloadLength < 0) return false;
  if (innerVlanId >= 0 || (vlanId >= 0 && (flags & PacketFlag.vlanTagWasMetadata) === 0)) return false;
  if (network === 'ip6' && bytes[networkOffset + IP6_NEXT_HEADER] !== protocol) return false;
  const hasPorts = transport === 'tcp' || transport === 'udp' || transport === 'sctp';
  return !hasPorts || sourcePort >= 0 || fragmentOffset > 0;
}
