import { crc32 } from 'node:zlib';
import { LinkType, Protocol, parseAddress, TcpFlag } from '@bpfleet/packet';
import { SectionWriter } from '@bpfleet/section';
import type { FlowRow, SectionRow } from '@bpfleet/store';
import { type FlowEnds, LiveTraffic, seededRandom } from '@bpfleet/test-environment/live-traffic';

/** What an agent sends at once when there is much to send. */
const SECTION_BYTES = 64 * 1024;
const SNAPLEN_BYTES = 128;
/** Those of one batch: fewer than a fleet has. */
const LIVE_FLOWS = 2_000;
const PACKETS_PER_SECOND = 100_000;
const FILTER = 'web@3';

/** A section as made once, and what ingest would read out of it. */
export interface MadeSection {
  readonly body: Uint8Array;
  readonly crc32: number;
  readonly packets: number;
  readonly tsMinNs: bigint;
  readonly tsMaxNs: bigint;
  readonly frames: readonly SeenFrame[];
}

interface SeenFrame {
  readonly flow: FlowEnds;
  readonly wireLength: number;
}

/** Full sections of the traffic, packets cut at 128 bytes, written as an agent writes them. */
export function makeSections(count: number, seed: number, startSeconds: number): MadeSection[] {
  const traffic = new LiveTraffic(seededRandom(seed), { liveFlows: LIVE_FLOWS, snaplenBytes: SNAPLEN_BYTES });
  const writer = new SectionWriter({
    hardware: 'x86_64',
    operatingSystem: 'Linux',
    application: 'bpfleet bench',
    capacityBytes: SECTION_BYTES,
    // Ours is short, so that the section is full of packets.
    ledgerBytes: 256,
  });
  const clock = { packets: 0, startSeconds };
  return Array.from({ length: count }, () => makeSection(writer, traffic, clock));
}

function makeSection(
  writer: SectionWriter,
  traffic: LiveTraffic,
  clock: { packets: number; startSeconds: number },
): MadeSection {
  writer.begin();
  writer.addInterface({ name: 'eth0', linkType: LinkType.EN10MB });
  const id = writer.addInterface({
    name: 'eth0',
    linkType: LinkType.EN10MB,
    description: FILTER,
    filter: 'tcp or udp',
  });
  const seen: SeenFrame[] = [];
  for (;;) {
    traffic.advance();
    const seconds = clock.startSeconds + Math.floor(clock.packets / PACKETS_PER_SECOND);
    const nanoseconds = (clock.packets % PACKETS_PER_SECOND) * (1e9 / PACKETS_PER_SECOND);
    if (!traffic.write(writer, id, seconds, nanoseconds)) break;
    clock.packets++;
    seen.push({ flow: traffic.flow, wireLength: traffic.wireLength });
  }
  const { packets, tsMinNs, tsMaxNs } = writer;
  const body = Uint8Array.from(writer.finish({ captured: String(packets) }));
  return { body, crc32: crc32(body), packets, tsMinNs, tsMaxNs, frames: seen };
}

/** What one transaction stores. */
export interface Batch {
  readonly sections: readonly SectionRow[];
  readonly flows: readonly FlowRow[];
}

/** Endless batches of a few agents: the made sections over and over, each time under its next sequence number. */
export class Batches {
  #rows = 0;
  /** By the first made section of the batch: the same sections have the same flows. */
  readonly #flows = new Map<number, readonly FlowRow[]>();

  constructor(
    private readonly made: readonly MadeSection[],
    private readonly agents: number,
    private readonly batchSections: number,
  ) {
    if (made.length % batchSections !== 0 || batchSections % agents !== 0)
      throw new RangeError('batches do not repeat');
  }

  next(): Batch {
    const first = this.#rows % this.made.length;
    const sections = Array.from({ length: this.batchSections }, () => this.#next());
    const flows = this.#flows.get(first) ?? this.#flowsOf(sections, first);
    this.#flows.set(first, flows);
    return { sections, flows };
  }

  /** One for each agent and 5-tuple, as ingest makes them of one batch. */
  #flowsOf(sections: readonly SectionRow[], first: number): FlowRow[] {
    const flows = new Map<string, Map<FlowEnds, OpenFlow>>();
    sections.forEach((section, index) => {
      const ofAgent = flows.get(section.agent) ?? new Map<FlowEnds, OpenFlow>();
      flows.set(section.agent, ofAgent);
      for (const { flow, wireLength } of this.made[first + index]!.frames) {
        const open = ofAgent.get(flow) ?? openFlow(section, flow);
        ofAgent.set(flow, open);
        open.packets++;
        open.bytes += wireLength;
        open.lastNs = section.tsMaxNs;
      }
    });
    return [...flows.values()].flatMap((ofAgent) => [...ofAgent.values()]);
  }

  #next(): SectionRow {
    const index = this.#rows++;
    const { frames: _, ...made } = this.made[index % this.made.length]!;
    return {
      ...made,
      ...{
        offset: BigInt(index),
        agent: `agent-${index % this.agents}`,
        epoch: 1,
        seq: Math.floor(index / this.agents),
      },
      ...{ filters: [FILTER], droppedByKernel: 0, clockSuspect: false },
    };
  }
}

type OpenFlow = { -readonly [Name in keyof FlowRow]: FlowRow[Name] };

function openFlow({ agent, tsMinNs }: SectionRow, flow: FlowEnds): OpenFlow {
  return {
    ...{
      agent,
      filters: FILTER,
      weights: '',
      source: parseAddress(flow.source),
      destination: parseAddress(flow.destination),
    },
    ...{ sourcePort: flow.sourcePort, destinationPort: flow.destinationPort, protocol: flow.protocol },
    ...{
      firstNs: tsMinNs,
      lastNs: tsMinNs,
      packets: 0,
      bytes: 0,
      tcpFlags: flow.protocol === Protocol.TCP ? TcpFlag.ACK : 0,
      isPlain: true,
    },
  };
}
