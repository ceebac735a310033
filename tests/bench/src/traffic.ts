import { buildEthernet, buildIpv4, buildTcp, buildUdp, parseIpv4, TcpFlag } from '@bpfleet/packet';
import { type Random, zipf } from './random.js';

/** One packet on the wire, and the 5-tuple it was built from. */
export interface Frame {
  readonly bytes: Uint8Array;
  readonly flow: Flow;
}

export interface Flow {
  readonly source: string;
  readonly destination: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly isUdp: boolean;
  readonly sourceBytes: Uint8Array;
  readonly destinationBytes: Uint8Array;
}

const INTERNAL_HOSTS = 4096;
const EXTERNAL_HOSTS = 65_536;
const LIVE_FLOWS = 2_000;
/** How often the next packet is of the same flow: traffic comes in bursts. */
const BURST = 0.6;
const SERVICES = [443, 443, 443, 443, 80, 53, 53, 22, 5432, 9092, 6379, 8080, 3306, 123, 25, 993] as const;

/** Endless traffic of a company network: Zipf hosts inside and outside, flows that come and go, bursts, 60 to 1,460 bytes. */
export function* traffic(random: Random): Generator<Frame, never, void> {
  const pickInternal = zipf(random, INTERNAL_HOSTS, 0.8);
  const pickExternal = zipf(random, EXTERNAL_HOSTS, 0.9);
  const internal = () => address(10, pickInternal() * 7 + 1);
  const newFlow = (): { flow: Flow; left: number } => {
    const destinationPort = SERVICES[Math.floor(random() * SERVICES.length)]!;
    const source = internal();
    const destination = random() < 0.6 ? address(45, pickExternal() * 101) : internal();
    const flow = {
      ...{ source, destination, sourceBytes: parseIpv4(source), destinationBytes: parseIpv4(destination) },
      ...{ sourcePort: 32_768 + Math.floor(random() * 28_000), destinationPort },
      isUdp: destinationPort === 53 || destinationPort === 123,
    };
    // Lengths as Pareto has them: most flows are short, most packets are in long ones.
    return { flow, left: Math.min(20_000, Math.ceil(4 / (1 - random()) ** (1 / 1.2))) };
  };
  const live = Array.from({ length: LIVE_FLOWS }, newFlow);
  let current = 0;
  // Bytes that do not compress, as most traffic today.
  const noise = Uint8Array.from({ length: 65_536 }, () => random() * 256);
  for (;;) {
    if (random() >= BURST) current = Math.floor(random() * LIVE_FLOWS);
    const { flow } = live[current]!;
    yield { bytes: buildFrame(flow, noise, random), flow };
    if (--live[current]!.left <= 0) live[current] = newFlow();
  }
}

function buildFrame(flow: Flow, noise: Uint8Array, random: Random): Uint8Array {
  const length = 6 + Math.floor(random() * 1400);
  const start = Math.floor(random() * (noise.byteLength - length));
  const payload = noise.subarray(start, start + length);
  const { isUdp, ...ends } = flow;
  const segment = isUdp ? buildUdp({ ...ends, payload }) : buildTcp({ ...ends, flags: TcpFlag.ACK, payload });
  return buildEthernet({ payload: buildIpv4({ ...flow, protocol: isUdp ? 17 : 6, payload: segment }) });
}

const address = (network: number, host: number): string =>
  `${network}.${(host >>> 16) & 255}.${(host >>> 8) & 255}.${host & 255}`;
