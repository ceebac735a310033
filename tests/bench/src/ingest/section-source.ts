import { crc32 } from 'node:zlib';
import { LinkType } from '@bpfleet/packet';
import { SectionWriter } from '@bpfleet/section';
import type { FlowRow, SectionRow } from '@bpfleet/store';
import { seededRandom } from '../random.js';
import { type Flow, type Frame, traffic } from '../traffic.js';

/** What an agent sends at once when there is much to send. */
const SECTION_BYTES = 64 * 1024;
const CAPTURED_BYTES = 128;
const PACKETS_PER_SECOND = 100_000;
const FILTER = 'web@3';

/** A section as made once, and what ingest would read out of it. */
export interface MadeSection {
  readonly body: Uint8Array;
  readonly crc32: number;
  readonly packets: number;
  readonly tsMinNs: bigint;
  readonly tsMaxNs: bigint;
  readonly frames: readonly Frame[];
}

/** Full sections of the traffic, packets cut at 128 bytes, written as an agent writes them. */
export function makeSections(count: number, seed: number, startSeconds: number): MadeSection[] {
  const frames = traffic(seededRandom(seed));
  const writer = new SectionWriter({
    hardware: 'x86_64',
    operatingSystem: 'Linux',
    application: 'bpfleet bench',
    capacityBytes: SECTION_BYTES,
    // Ours is short, so that the section is full of packets.
    ledgerBytes: 256,
  });
  const clock = { packets: 0, startSeconds };
  return Array.from({ length: count }, () => makeSection(writer, frames, clock));
}

function makeSection(
  writer: SectionWriter,
  frames: Iterator<Frame, never>,
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
  const seen: Frame[] = [];
  for (;;) {
    const frame = frames.next().value;
    const captured = Math.min(frame.bytes.byteLength, CAPTURED_BYTES);
    const seconds = clock.startSeconds + Math.floor(clock.packets / PACKETS_PER_SECOND);
    const nanoseconds = (clock.packets % PACKETS_PER_SECOND) * (1e9 / PACKETS_PER_SECOND);
    if (!writer.append(id, seconds, nanoseconds, frame.bytes, 0, captured, frame.bytes.byteLength, undefined, 0)) break;
    clock.packets++;
    seen.push(frame);
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
    const flows = new Map<string, Map<Flow, OpenFlow>>();
    sections.forEach((section, index) => {
      const ofAgent = flows.get(section.agent) ?? new Map<Flow, OpenFlow>();
      flows.set(section.agent, ofAgent);
      for (const { flow, bytes } of this.made[first + index]!.frames) {
        const open = ofAgent.get(flow) ?? openFlow(section, flow);
        ofAgent.set(flow, open);
        open.packets++;
        open.bytes += bytes.byteLength;
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

function openFlow({ agent, tsMinNs }: SectionRow, flow: Flow): OpenFlow {
  return {
    ...{ agent, filters: FILTER, weights: '', source: flow.sourceBytes, destination: flow.destinationBytes },
    ...{ sourcePort: flow.sourcePort, destinationPort: flow.destinationPort, protocol: flow.isUdp ? 17 : 6 },
    ...{ firstNs: tsMinNs, lastNs: tsMinNs, packets: 0, bytes: 0, tcpFlags: flow.isUdp ? 0 : 16, isPlain: true },
  };
}
