import { jit } from '@bpfleet/bpf';
import { buildEthernet, buildIpv4, buildTcp, buildUdp, TcpFlag } from '@bpfleet/packet';
import { compile } from '@bpfleet/pcap-filter';
import { type Random, seededRandom } from '@bpfleet/test-environment/live-traffic';
import { judged, type MeasuredRow } from '../benchmark.js';
import type { Rig } from './rig.js';
import type { RigFilter } from './rig-process.js';
import { compared, type TournamentOptions, tournament } from './tournament.js';
import type { RoundResult, Wire } from './wire.js';

const FRAME_BYTES = 100;
const FRAMES = 2000;
/** Of the frames: those that one filter or two match, and those that three or more do. */
const FEW_SHARE = 0.25;
const MANY_SHARE = 0.05;
/** IP type of service of every frame that any filter matches: what the one filter asks for. */
const MARK = 0x20;

export const manyFiltersWorkload =
  `many filters: ${FRAMES} different frames of 100 bytes, TCP and UDP, 30 % match at least one of 50 filters, 5 % at ` +
  'least three (made by rejection, checked with the compiled filters); peer: one filter that matches the same 30 %; CPU ' +
  'per packet that was sent; where the kernel runs the filters is the generator’s processor time, which the last row tells';

/** As people write them in a runbook: a service, a host, a net, a flag, and their combinations. */
export const fiftyFilters: readonly string[] = [
  ...[22, 25, 53, 80, 123, 389, 443, 993, 3306, 5432, 6379, 8080, 9092, 9200].map((port) => `port ${port}`),
  ...[3, 7, 11, 19, 23, 42, 77, 101].map((host) => `host 10.1.0.${host}`),
  ...[10, 20, 30, 40].map((net) => `net 10.2.${net}.0/24`),
  ...[22, 80, 443, 5432].map((port) => `tcp dst port ${port} and tcp[tcpflags] & (tcp-syn|tcp-ack) = tcp-syn`),
  ...[443, 8080, 9092].map((port) => `tcp port ${port} and tcp[tcpflags] & tcp-rst != 0`),
  ...[3, 7, 11].map((host) => `host 10.1.0.${host} and not port 22`),
  ...[10, 20].map((net) => `src net 10.2.${net}.0/24 and dst port 443`),
  ...['tcp portrange 6000-6010', 'udp portrange 33434-33523', 'udp port 53 and udp[10] & 0x80 != 0'],
  ...['icmp', 'arp', 'icmp6', 'ip proto 47', 'esp', 'vlan 100'],
  ...['ip[6:2] & 0x1fff != 0', 'ip[8] < 5', 'len > 1400'],
];

/** Row 5 of the table. */
export async function measureManyFilters(
  wire: Wire,
  rig: Rig,
  options: TournamentOptions & { readonly seed: number },
): Promise<readonly MeasuredRow[]> {
  await wire.generator.ask('load', mixedFrames(options.seed));
  const many = fiftyFilters.map((expression, index) => filterOf(`cookbook-${index}`, expression));
  const sides = [rig.with('50 filters', many), rig.with('1 filter', [filterOf('one', `ip[1] = ${MARK}`)])];
  const results = await tournament(wire, sides, options);
  const [ours, one] = [results.get('50 filters')!, results.get('1 filter')!];
  const row = (name: string, figure: (result: RoundResult) => number) =>
    judged({
      ...{ bench: 'capture', row: name, unit: 'ns/packet', better: 'less', bar: 2, goal: 1.3 },
      ...compared(ours, one, figure),
    });
  return [
    row('CPU, 50 filters; one filter', ({ cpuNs, sent }) => cpuNs / sent),
    row('CPU with the kernel’s share, 50; one', ({ cpuNs, generatorNs, sent }) => (cpuNs + generatorNs) / sent),
  ];
}

const filterOf = (filter: string, expression: string): RigFilter => ({
  ...{ filter, version: 1, expression, snaplenBytes: 96 },
});

/** Frames in the shares that are asked for, in random order. */
export function mixedFrames(seed: number): Uint8Array[] {
  const random = seededRandom(seed);
  const matchers = fiftyFilters.map((expression) => jit(compile(expression).program));
  const wanted = [
    { least: 3, count: FRAMES * MANY_SHARE },
    { least: 1, count: FRAMES * FEW_SHARE },
    { least: 0, count: FRAMES * (1 - FEW_SHARE - MANY_SHARE) },
  ];
  const chosen: { frame: Uint8Array; at: number }[] = [];
  while (chosen.length < FRAMES) {
    const frame = randomFrame(random);
    const matched = matchers.filter((matches) => matches(frame, 0, FRAME_BYTES, FRAME_BYTES) !== 0).length;
    const kind = wanted.find(({ least }) => matched >= least)!;
    if (kind.count <= 0) continue;
    kind.count--;
    if (matched > 0) mark(frame);
    chosen.push({ frame, at: random() });
  }
  return chosen.sort((a, b) => a.at - b.at).map(({ frame }) => frame);
}

const SERVICES = [22, 53, 80, 443, 443, 5432, 8080, 9092] as const;

function randomFrame(random: Random): Uint8Array {
  const below = (limit: number) => Math.floor(random() * limit);
  const isInteresting = random() < 0.5;
  const address = () =>
    isInteresting && random() < 0.3
      ? `10.${1 + below(2)}.${below(5) * 10}.${below(110)}`
      : `198.18.${below(250)}.${1 + below(250)}`;
  const ends = { source: address(), destination: address() };
  const destinationPort = isInteresting && random() < 0.5 ? SERVICES[below(SERVICES.length)]! : 10_000 + below(20_000);
  const ports = { sourcePort: 40_000 + below(20_000), destinationPort };
  const isUdp = random() < 0.4;
  const payload = new Uint8Array(FRAME_BYTES - 14 - 20 - (isUdp ? 8 : 20));
  const flags = [TcpFlag.ACK, TcpFlag.ACK, TcpFlag.SYN, TcpFlag.RST][below(4)]!;
  const segment = isUdp ? buildUdp({ ...ends, ...ports, payload }) : buildTcp({ ...ends, ...ports, flags, payload });
  return buildEthernet({ payload: buildIpv4({ ...ends, protocol: isUdp ? 17 : 6, payload: segment }) });
}

/** Nobody looks at the header's checksum, which is wrong from here on. */
function mark(frame: Uint8Array): void {
  frame[15] = MARK;
}
