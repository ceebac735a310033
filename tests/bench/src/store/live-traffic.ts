import { buildEthernet, buildIpv4, buildIpv6, buildTcp, buildUdp, Protocol, TcpFlag } from '@bpfleet/packet';
import type { SectionWriter } from '@bpfleet/section';
import { type Random, zipf } from '../random.js';

export const CAPTURED_BYTES = 128;
export const LIVE_FLOWS = 20_000;
const INTERNAL_HOSTS = 4096;
const EXTERNAL_HOSTS = 200_000;
/** How often the next packet is of the same flow: traffic comes in bursts. */
const BURST = 0.6;
const IPV6 = 0.1;
const SERVICES = [443, 443, 443, 443, 80, 53, 53, 22, 5432, 9092, 6379, 8080, 3306, 123, 25, 993] as const;
const LONGEST_FLOW = 200_000;
const ETHERNET_BYTES = 14;

interface LiveFlow {
  readonly agent: number;
  /** Both directions: all of a frame ahead of its payload. */
  readonly heads: readonly [Head, Head];
  packetsLeft: number;
}

interface Head {
  readonly bytes: Uint8Array;
  readonly isIpv6: boolean;
  /** One's complement sum of the IPv4 header without length and checksum. */
  readonly sum: number;
}

/**
 * Packets of a company network: Zipf hosts inside and outside, 20,000 flows alive, which come and go, bursts, both
 * directions, a tenth IPv6, 60 to 1,460 bytes of which 128 are captured, payload that does not compress.
 */
export class LiveTraffic {
  readonly #frame = new Uint8Array(CAPTURED_BYTES);
  readonly #noise: Uint8Array;
  readonly #flows: LiveFlow[];
  readonly #pickInternal: () => number;
  readonly #pickExternal: () => number;
  #current = 0;

  constructor(
    private readonly random: Random,
    private readonly agents: number,
  ) {
    this.#pickInternal = zipf(random, INTERNAL_HOSTS, 0.8);
    this.#pickExternal = zipf(random, EXTERNAL_HOSTS, 0.9);
    this.#noise = Uint8Array.from({ length: 1 << 20 }, () => random() * 256);
    this.#flows = Array.from({ length: LIVE_FLOWS }, () => this.#newFlow());
  }

  /** Chooses the next packet. @returns the agent that sees it */
  advance(): number {
    if (this.random() >= BURST) this.#current = Math.floor(this.random() * LIVE_FLOWS);
    const flow = this.#flows[this.#current]!;
    if (--flow.packetsLeft < 0) this.#flows[this.#current] = this.#newFlow();
    return this.#flows[this.#current]!.agent;
  }

  /** Writes the chosen packet; false when the section is full. */
  write(writer: SectionWriter, interfaceId: number, seconds: number, nanoseconds: number): boolean {
    const { heads } = this.#flows[this.#current]!;
    const { bytes, isIpv6, sum } = heads[this.random() < 0.4 ? 0 : 1];
    const wireLength = Math.max(60, bytes.length + Math.floor(this.random() ** 2 * 1400));
    const frame = this.#frame;
    frame.set(bytes);
    const start = Math.floor(this.random() * (this.#noise.length - CAPTURED_BYTES));
    frame.set(this.#noise.subarray(start, start + CAPTURED_BYTES - bytes.length), bytes.length);
    setLength(frame, isIpv6, wireLength - ETHERNET_BYTES, sum);
    const captured = Math.min(CAPTURED_BYTES, wireLength);
    return writer.append(interfaceId, seconds, nanoseconds, frame, 0, captured, wireLength, undefined, 0);
  }

  #newFlow(): LiveFlow {
    const { random } = this;
    const inside = this.#pickInternal() * 7 + 1;
    const isOutside = random() < 0.6;
    const other = isOutside ? this.#pickExternal() * 101 : this.#pickInternal() * 7 + 1;
    const service = SERVICES[Math.floor(random() * SERVICES.length)]!;
    const isUdp = service === 53 || service === 123;
    const isIpv6 = random() < IPV6;
    const ends = isIpv6
      ? [ipv6('2001:db8', inside), ipv6(isOutside ? '2a00:1' : '2001:db8', other)]
      : [ipv4(10, inside), ipv4(isOutside ? 45 : 10, other)];
    const ports = [32_768 + Math.floor(random() * 28_000), service];
    const head = (from: 0 | 1) => makeHead(ends[from]!, ends[1 - from]!, ports[from]!, ports[1 - from]!, isUdp, isIpv6);
    // Lengths as Pareto has them: most flows are short, most packets are in long ones.
    const packetsLeft = Math.min(LONGEST_FLOW, Math.ceil(4 / (1 - random()) ** (1 / 1.2)));
    return { agent: inside % this.agents, heads: [head(0), head(1)], packetsLeft };
  }
}

function makeHead(
  source: string,
  destination: string,
  sourcePort: number,
  destinationPort: number,
  isUdp: boolean,
  isIpv6: boolean,
): Head {
  const ends = { source, destination, sourcePort, destinationPort };
  const payload = isUdp ? buildUdp({ ...ends, payload: '' }) : buildTcp({ ...ends, flags: TcpFlag.ACK, payload: '' });
  const protocol = isUdp ? Protocol.UDP : Protocol.TCP;
  const fields = { ...ends, protocol, payload };
  const bytes = buildEthernet({ payload: isIpv6 ? buildIpv6(fields) : buildIpv4(fields) });
  return { bytes, isIpv6, sum: isIpv6 ? 0 : sumOf(bytes) };
}

const IPV4 = { length: ETHERNET_BYTES + 2, checksum: ETHERNET_BYTES + 10, end: ETHERNET_BYTES + 20 } as const;
const IPV6_PAYLOAD_LENGTH = ETHERNET_BYTES + 4;
const IPV6_HEADER_BYTES = 40;

function sumOf(frame: Uint8Array): number {
  let sum = 0;
  for (let at = ETHERNET_BYTES; at < IPV4.end; at += 2) {
    if (at !== IPV4.length && at !== IPV4.checksum) sum += (frame[at]! << 8) | frame[at + 1]!;
  }
  return sum;
}

/** Puts the packet's length into its header, and the header's checksum right (RFC 791). */
function setLength(frame: Uint8Array, isIpv6: boolean, length: number, sum: number): void {
  if (isIpv6) {
    put(frame, IPV6_PAYLOAD_LENGTH, length - IPV6_HEADER_BYTES);
    return;
  }
  let all = sum + length;
  all = (all & 0xffff) + (all >>> 16);
  all = (all & 0xffff) + (all >>> 16);
  put(frame, IPV4.length, length);
  put(frame, IPV4.checksum, ~all & 0xffff);
}

function put(frame: Uint8Array, at: number, value: number): void {
  frame[at] = value >>> 8;
  frame[at + 1] = value & 0xff;
}

const ipv4 = (network: number, host: number): string =>
  `${network}.${(host >>> 16) & 255}.${(host >>> 8) & 255}.${host & 255}`;

const ipv6 = (network: string, host: number): string =>
  `${network}::${(host >>> 16).toString(16)}:${(host & 0xffff).toString(16)}`;
