import { Dissection, dissect, flowKeyOf } from '@bpfleet/packet';
import { forEachPacket, type PacketCursor, type Section } from '@bpfleet/section';
import type { FlowRow } from '@bpfleet/store';
import { filtersOf } from '../filter-labels.js';

/** A flow while it is counted. Times stay two words each: a bigint per packet would be garbage per packet. */
interface OpenFlow {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly protocol: number;
  firstHigh: number;
  firstLow: number;
  lastHigh: number;
  lastLow: number;
  packets: number;
  bytes: number;
  tcpFlags: number;
}
type Flows = Map<string, OpenFlow>;

/**
 * Counts packets by 5-tuple, per agent and filter version: what becomes one `flow` row each. Each packet is dissected
 * once; one that several versions stored counts in each. What has no IP addresses has no flow.
 */
export class FlowTable {
  /** Agent, then filter version. */
  readonly #flows = new Map<string, Map<string, Flows>>();
  readonly #dissection = new Dissection();

  /** @param bytes the section, which `readSection` has checked; kept until `rows` was called */
  add(agent: string, section: Section, bytes: Uint8Array): void {
    const byInterface = section.interfaces.map(({ description, linkType }) => ({
      linkType,
      counted: filtersOf(description).map((filter) => this.#flowsOf(agent, filter)),
    }));
    forEachPacket(bytes, (packet) => {
      const { linkType, counted } = byInterface[packet.interfaceId]!;
      if (counted.length > 0) this.#count(packet, bytes, linkType, counted);
      return true;
    });
  }

  rows(): FlowRow[] {
    const rows: FlowRow[] = [];
    for (const [agent, byFilter] of this.#flows) {
      for (const [filter, flows] of byFilter) {
        for (const flow of flows.values()) rows.push(rowOf(agent, filter, flow));
      }
    }
    return rows;
  }

  #flowsOf(agent: string, filter: string): Flows {
    const byFilter = entry(this.#flows, agent, () => new Map<string, Flows>());
    return entry(byFilter, filter, () => new Map<string, OpenFlow>());
  }

  #count(packet: PacketCursor, bytes: Uint8Array, linkType: number, counted: readonly Flows[]): void {
    const dissection = this.#dissection;
    dissect(bytes, packet.start, packet.capturedLength, linkType, dissection);
    const key = flowKeyOf(dissection, bytes);
    if (key === undefined) return;
    for (const flows of counted) {
      const flow = entry(flows, key, () => openFlow(dissection, bytes, packet));
      addTo(flow, packet, dissection.tcpFlags);
    }
  }
}

function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}

function openFlow(dissection: Dissection, bytes: Uint8Array, { atHigh, atLow }: PacketCursor): OpenFlow {
  const { sourceOffset, destinationOffset, addressLength, sourcePort, destinationPort, protocol } = dissection;
  return {
    source: bytes.subarray(sourceOffset, sourceOffset + addressLength),
    destination: bytes.subarray(destinationOffset, destinationOffset + addressLength),
    sourcePort,
    destinationPort,
    protocol,
    firstHigh: atHigh,
    firstLow: atLow,
    lastHigh: atHigh,
    lastLow: atLow,
    packets: 0,
    bytes: 0,
    tcpFlags: 0,
  };
}

function addTo(flow: OpenFlow, { atHigh, atLow, wireLength }: PacketCursor, tcpFlags: number): void {
  flow.packets++;
  flow.bytes += wireLength;
  if (tcpFlags > 0) flow.tcpFlags |= tcpFlags;
  if (atHigh < flow.firstHigh || (atHigh === flow.firstHigh && atLow < flow.firstLow)) {
    flow.firstHigh = atHigh;
    flow.firstLow = atLow;
  }
  if (atHigh > flow.lastHigh || (atHigh === flow.lastHigh && atLow > flow.lastLow)) {
    flow.lastHigh = atHigh;
    flow.lastLow = atLow;
  }
}

function rowOf(agent: string, filter: string, flow: OpenFlow): FlowRow {
  const { source, destination, sourcePort, destinationPort, protocol, packets, bytes, tcpFlags } = flow;
  return {
    agent,
    filter,
    source,
    destination,
    sourcePort,
    destinationPort,
    protocol,
    firstNs: nsOf(flow.firstHigh, flow.firstLow),
    lastNs: nsOf(flow.lastHigh, flow.lastLow),
    packets,
    bytes,
    tcpFlags,
  };
}

const nsOf = (high: number, low: number): bigint => (BigInt(high) << 32n) | BigInt(low);
