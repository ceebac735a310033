import { Protocol } from '@bpfleet/packet';
import type { SectionWriter } from '@bpfleet/section';
import { put16 } from './checksum.js';
import { type FlowEnds, Head } from './head.js';
import { externalAddress, internalAddress } from './hosts.js';
import { type Message, type Messages, makeMessages } from './messages.js';
import { Noise } from './noise.js';
import { type Random, seededRandom, zipf } from './random.js';

/** Of a busy network. */
export const LIVE_FLOWS = 20_000;
const INTERNAL_HOSTS = 4096;
const EXTERNAL_HOSTS = 200_000;
/** How often the next packet is of the same flow: traffic comes in bursts. */
const BURST = 0.6;
const PORT = { dns: 53, ntp: 123, https: 443 } as const;
const { dns, ntp, https } = PORT;
const SERVICES = [https, https, https, https, 80, dns, dns, 22, 5432, 9092, 6379, 8080, 3306, ntp, 25, 993] as const;
const LONGEST_FLOW = 200_000;
const SHORTEST_FRAME = 60;
const LONGEST_PAYLOAD = 1400;
const LONGEST_FRAME = 14 + 40 + 20 + LONGEST_PAYLOAD;

export interface LiveOptions {
  /** How many see the traffic, each the flows of some internal hosts; 1 without it. */
  readonly agents?: number;
  /** Flows alive at a time. */
  readonly liveFlows?: number;
  /** Share of the flows. */
  readonly ipv6?: number;
  /** Frames are cut at it. */
  readonly snaplenBytes?: number;
}

interface LiveFlow {
  readonly agent: number;
  /** From who asks, and from who answers. */
  readonly heads: readonly [Head, Head];
  readonly service: number;
  /** Of the names that it is about, the first. */
  readonly name: number;
  /** Of its DNS messages, the first. */
  readonly id: number;
  readonly packets: number;
  sent: number;
}

/**
 * Packets of a company network, the same ones for a seed: Zipf hosts inside and outside, 20,000 flows alive, which come
 * and go, bursts, both directions, a tenth IPv6, 60 to 1,474 bytes. At port 53 there are questions and their answers, a
 * flow to port 443 begins with a ClientHello, any other payload does not compress. Checksums are right.
 * Of a packet nothing is allocated: it is here until the next one.
 */
export class LiveTraffic {
  readonly #noise: Noise;
  readonly #messages: readonly Messages[];
  readonly #flows: LiveFlow[];
  readonly #pickInternal: () => number;
  readonly #pickExternal: () => number;
  readonly #pickName: () => number;
  readonly #agents: number;
  readonly #ipv6: number;
  #current = 0;
  #head!: Head;
  #wireLength = 0;

  constructor(
    private readonly random: Random,
    { agents = 1, liveFlows = LIVE_FLOWS, ipv6 = 0.1, snaplenBytes = LONGEST_FRAME }: LiveOptions = {},
  ) {
    this.#agents = agents;
    this.#ipv6 = ipv6;
    this.#pickInternal = zipf(random, INTERNAL_HOSTS, 0.8);
    this.#pickExternal = zipf(random, EXTERNAL_HOSTS, 0.9);
    this.#noise = new Noise(random, snaplenBytes);
    this.#messages = makeMessages(random);
    this.#pickName = zipf(random, this.#messages.length, 0.9);
    this.#flows = Array.from({ length: liveFlows }, () => this.#newFlow());
  }

  /** The packet, as far as it is captured. */
  get bytes(): Uint8Array {
    return this.#noise.frame.subarray(0, this.#capturedLength);
  }
  get wireLength(): number {
    return this.#wireLength;
  }
  /** One object for each direction of a flow. */
  get flow(): FlowEnds {
    return this.#head.ends;
  }

  get #capturedLength(): number {
    return Math.min(this.#noise.frame.length, this.#wireLength);
  }

  /** Makes the next packet. @returns the agent that sees it */
  advance(): number {
    const { random } = this;
    if (random() >= BURST) this.#current = Math.floor(random() * this.#flows.length);
    let flow = this.#flows[this.#current]!;
    if (flow.sent === flow.packets) flow = this.#flows[this.#current] = this.#newFlow();
    const number = flow.sent++;
    if (flow.service === PORT.dns) this.#putDns(flow, number);
    else if (flow.service === PORT.https && number === 0) this.#putHello(flow);
    else this.#putNoise(flow.heads[random() < 0.4 ? 0 : 1]);
    return flow.agent;
  }

  /** Appends the packet; false when the section is full. */
  write(writer: SectionWriter, interfaceId: number, seconds: number, nanoseconds: number): boolean {
    const captured = this.#capturedLength;
    const { frame } = this.#noise;
    return writer.append(interfaceId, seconds, nanoseconds, frame, 0, captured, this.#wireLength, undefined, 0);
  }

  /** Question, answer, question: of a host that asks for others, from one port. */
  #putDns({ heads, name, id }: LiveFlow, number: number): void {
    const exchange = number >> 1;
    const { question, answer } = this.#messages[(name + exchange) % this.#messages.length]!;
    const isAnswer = (number & 1) as 0 | 1;
    this.#putMessage(heads[isAnswer], isAnswer ? answer : question, (id + exchange) & 0xffff);
  }

  #putHello({ heads, name }: LiveFlow): void {
    this.#putMessage(heads[0], this.#messages[name]!.clientHello, undefined);
  }

  /** @param id is put over the message's first word, which is 0 */
  #putMessage(head: Head, { bytes, sum }: Message, id: number | undefined): void {
    const { frame } = this.#noise;
    const at = this.#begin(head, bytes.length, id === undefined ? sum : sum + id);
    const end = Math.min(frame.length, at + bytes.length);
    for (let to = at, from = 0; to < end; to++, from++) frame[to] = bytes[from]!;
    if (id !== undefined) put16(frame, at, id);
  }

  #putNoise(head: Head): void {
    const at = head.bytes.length;
    const length = Math.max(SHORTEST_FRAME - at, Math.floor(this.random() ** 2 * LONGEST_PAYLOAD));
    this.#begin(head, length, this.#noise.put(at, length));
  }

  /** @returns where its payload begins */
  #begin(head: Head, payloadLength: number, payloadSum: number): number {
    head.write(this.#noise.frame, payloadLength, payloadSum);
    this.#head = head;
    this.#wireLength = head.bytes.length + payloadLength;
    return head.bytes.length;
  }

  #newFlow(): LiveFlow {
    const { random } = this;
    const inside = this.#pickInternal();
    const isOutside = random() < 0.6;
    const other = isOutside ? this.#pickExternal() : this.#pickInternal();
    const service = SERVICES[Math.floor(random() * SERVICES.length)]!;
    const isIpv6 = random() < this.#ipv6;
    const protocol = service === PORT.dns || service === PORT.ntp ? Protocol.UDP : Protocol.TCP;
    const source = internalAddress(inside, isIpv6);
    const destination = isOutside ? externalAddress(other, isIpv6) : internalAddress(other, isIpv6);
    const sourcePort = 32_768 + Math.floor(random() * 28_000);
    const there = { source, destination, sourcePort, destinationPort: service, protocol };
    const back = {
      source: destination,
      destination: source,
      sourcePort: service,
      destinationPort: sourcePort,
      protocol,
    };
    return {
      agent: inside % this.#agents,
      heads: [new Head(there), new Head(back)],
      ...{ service, name: this.#pickName(), id: Math.floor(random() * 65_536) },
      // Lengths as Pareto has them: most flows are short, most packets are in long ones.
      packets: Math.min(LONGEST_FLOW, 1 + Math.ceil(4 / (1 - random()) ** (1 / 1.2))),
      sent: 0,
    };
  }
}

/** One packet, kept. */
export interface Frame {
  readonly bytes: Uint8Array;
  readonly wireLength: number;
  readonly flow: FlowEnds;
}

/** Endless live traffic, each packet in a memory of its own. */
export function* liveFrames(seed: number, options?: LiveOptions): Generator<Frame, never, void> {
  const traffic = new LiveTraffic(seededRandom(seed), options);
  for (;;) {
    traffic.advance();
    yield { bytes: traffic.bytes.slice(), wireLength: traffic.wireLength, flow: traffic.flow };
  }
}
