import { Dissection, dissect, EtherType } from '@bpfleet/packet';
import { forEachPacket, type PacketCursor, PacketFlag, type Section, type SectionInterface } from '@bpfleet/section';
import { type FlowRow, MINUTE_NS, type OtherPackets } from '@bpfleet/store';
import { filtersOf } from '../filter-labels.js';
import { FlowCounts } from './flow-counts.js';
import { MinuteClock } from './minute-clock.js';

/** Flows of one agent and one list of versions: of all minutes in one table, since many minutes have few packets. */
interface Scope {
  readonly agent: string;
  readonly filters: string;
  readonly weights: string;
  readonly minutes: Map<number, Minute>;
  four: FlowCounts | undefined;
  six: FlowCounts | undefined;
}

interface Minute {
  /** Among those of its scope, from 0. */
  readonly number: number;
  /** Of packets without a flow; unclear: which may be IP. */
  otherPackets: number;
  otherBytes: number;
  unclearPackets: number;
  unclearBytes: number;
}

/** An interface block while the packets of its section are counted. */
interface Lane {
  readonly linkType: number;
  readonly scope: Scope;
  readonly clock: MinuteClock;
  minute: Minute;
}

/** What a lane has before its first packet; nothing is counted in it. */
const NO_MINUTE: Minute = { number: -1, otherPackets: 0, otherBytes: 0, unclearPackets: 0, unclearBytes: 0 };

/**
 * Counts packets by 5-tuple, both directions together, per agent, list of versions and minute: what becomes one `flow` row each. A packet that
 * several versions stored counts once, for the list of them. What is not IP has no flow, and is counted by its minute.
 */
export class FlowTable {
  readonly #scopes = new Map<string, Scope>();
  readonly #dissection = new Dissection();
  #packets = 0;
  #minutes = 0;

  /** Packets counted since the last `clear`. */
  get packets(): number {
    return this.#packets;
  }

  /** Of all agents and lists of versions. */
  get minutes(): number {
    return this.#minutes;
  }

  get flows(): number {
    let flows = 0;
    for (const { four, six } of this.#scopes.values()) flows += (four?.size ?? 0) + (six?.size ?? 0);
    return flows;
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
      if (scope.four) yield* scope.four.rows(scope, scope.minutes.size);
      if (scope.six) yield* scope.six.rows(scope, scope.minutes.size);
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
    this.#minutes = 0;
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
      scope = { agent, filters, weights, minutes: new Map(), four: undefined, six: undefined };
      this.#scopes.set(key, scope);
    }
    return { linkType, scope, clock: new MinuteClock(), minute: NO_MINUTE };
  }

  #count(packet: PacketCursor, bytes: Uint8Array, lane: Lane): void {
    const dissection = this.#dissection;
    dissect(bytes, packet.start, packet.capturedLength, lane.linkType, dissection);
    if (lane.clock.isOther(packet.atHigh, packet.atLow)) lane.minute = this.#minuteOf(lane.scope, lane.clock.minute);
    this.#packets++;
    // ARP has addresses and no protocol.
    if (dissection.protocol < 0) {
      lane.minute.otherPackets++;
      lane.minute.otherBytes += packet.wireLength;
      if (isOther(dissection)) return;
      lane.minute.unclearPackets++;
      lane.minute.unclearBytes += packet.wireLength;
      return;
    }
    const flows = flowsOf(lane.scope, dissection.addressLength);
    flows.add(bytes, packet, dissection, lane.minute.number, isPlain(packet, dissection, bytes));
  }

  #minuteOf({ minutes }: Scope, at: number): Minute {
    let minute = minutes.get(at);
    if (minute === undefined) {
      minute = { number: minutes.size, otherPackets: 0, otherBytes: 0, unclearPackets: 0, unclearBytes: 0 };
      minutes.set(at, minute);
      this.#minutes++;
    }
    return minute;
  }
}

function flowsOf(scope: Scope, addressLength: number): FlowCounts {
  if (addressLength === 4) {
    scope.four ??= new FlowCounts(4);
    return scope.four;
  }
  scope.six ??= new FlowCounts(16);
  return scope.six;
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
