import { dissectPacket, type Node } from '@bpfleet/dissect';
import { internetChecksum, LinkType, Protocol } from '@bpfleet/packet';
import { describe, expect, it } from 'vitest';
import { type Frame, LiveTraffic, liveFrames, seededRandom } from './index.js';

const COUNT = 8_000;
const LIVE_FLOWS = 500;

function draw(seed: number, options = {}): Frame[] {
  const frames = liveFrames(seed, { liveFlows: LIVE_FLOWS, ...options });
  return Array.from({ length: COUNT }, () => frames.next().value);
}

function* nodesOf(nodes: readonly Node[]): Generator<Node> {
  for (const node of nodes) {
    yield node;
    yield* nodesOf(node.children ?? []);
  }
}
const nodesOfFrame = ({ bytes, wireLength }: Frame) => [
  ...nodesOf(dissectPacket({ bytes, wireLength, linkType: LinkType.EN10MB })),
];
const theValue = (nodes: readonly Node[], name: string) => nodes.find((node) => node.name === name)?.value;
const isAt = (port: number) => (frame: Frame) => frame.flow.sourcePort === port || frame.flow.destinationPort === port;
const share = (frames: readonly Frame[], holds: (frame: Frame) => boolean) =>
  frames.filter(holds).length / frames.length;
const isIpv6 = ({ flow }: Frame) => flow.source.includes(':');

describe('LiveTraffic', () => {
  const frames = draw(7);

  it('is the same for a seed, and other for another', () => {
    expect(draw(7).slice(0, 500)).toEqual(frames.slice(0, 500));
    expect(draw(8).slice(0, 500)).not.toEqual(frames.slice(0, 500));
  });
  it('is of few hosts for the most part, both directions, a tenth IPv6, all sizes', () => {
    const hosts = new Map<string, number>();
    for (const { flow } of frames) hosts.set(flow.source, (hosts.get(flow.source) ?? 0) + 1);
    const most = [...hosts.values()].toSorted((a, b) => b - a).slice(0, hosts.size / 10);
    expect(most.reduce((sum, count) => sum + count)).toBeGreaterThan(0.3 * COUNT);
    expect(share(frames, ({ flow }) => flow.sourcePort < 32_768)).toBeCloseTo(0.6, 1);
    expect(share(frames, isIpv6)).toBeCloseTo(0.1, 1);
    expect(share(draw(7, { ipv6: 0.5 }), isIpv6)).toBeCloseTo(0.5, 1);
    const lengths = frames.map(({ bytes }) => bytes.length);
    expect(Math.min(...lengths)).toBe(60);
    expect(Math.max(...lengths)).toBeGreaterThan(1400);
  });
  it('is read by the dissector without a fault', () => {
    for (const frame of frames) {
      const faults = nodesOfFrame(frame).filter(({ name }) => name.startsWith('_ws.'));
      expect(faults, Buffer.from(frame.bytes).toString('hex')).toEqual([]);
    }
  });
  it('has a question and its answer by turns at port 53, each for itself', () => {
    const asked = new Map<string, unknown[]>();
    const messages = frames.filter(isAt(53));
    expect(messages.length).toBeGreaterThan(COUNT / 20);
    for (const frame of messages) {
      const nodes = nodesOfFrame(frame);
      const of = ['dns.id', 'dns.qry.name', 'dns.qry.type'].map((name) => theValue(nodes, name));
      const { flow } = frame;
      const ends = [`${flow.source} ${flow.sourcePort}`, `${flow.destination} ${flow.destinationPort}`];
      const isAnswer = flow.sourcePort === 53;
      expect(theValue(nodes, 'dns.flags.response')).toBe(isAnswer);
      expect(of).not.toContain(undefined);
      const key = (isAnswer ? ends.toReversed() : ends).join();
      if (isAnswer) expect(asked.get(key)).toEqual(of);
      else expect(asked.get(key)).not.toEqual(of);
      asked.set(key, of);
      expect(nodes.some(({ name }) => name === 'dns.a' || name === 'dns.aaaa')).toBe(isAnswer);
    }
  });
  it('begins flows to port 443 with a ClientHello', () => {
    const begun = new Set<unknown>();
    for (const frame of frames.filter(({ flow }) => flow.destinationPort === 443)) {
      const name = theValue(nodesOfFrame(frame), 'tls.handshake.extensions_server_name');
      expect(name !== undefined).toBe(!begun.has(frame.flow));
      begun.add(frame.flow);
    }
    expect(begun.size).toBeGreaterThan(100);
  });
  it('has right checksums', () => {
    for (const { bytes, flow } of frames) {
      const [ip, addresses, transport] = flow.source.includes(':') ? [14, 22, 54] : [14, 26, 34];
      if (transport === 34) expect(internetChecksum(bytes.subarray(ip, transport))).toBe(0);
      const length = bytes.length - transport;
      const pseudo = Uint8Array.of(0, flow.protocol, length >> 8, length & 0xff);
      expect(internetChecksum(bytes.subarray(addresses, transport), pseudo, bytes.subarray(transport))).toBe(0);
      if (flow.protocol === Protocol.UDP) expect((bytes[transport + 4]! << 8) | bytes[transport + 5]!).toBe(length);
    }
  });
  it('cuts at the snaplen, and leaves headers as of the whole', () => {
    const cut = draw(7, { snaplenBytes: 128 });
    expect(cut.every(({ bytes, wireLength }) => bytes.length === Math.min(128, wireLength))).toBe(true);
    expect(cut.map(({ wireLength }) => wireLength)).toEqual(frames.map(({ wireLength }) => wireLength));
    expect(cut.map(({ bytes }) => bytes.subarray(0, 42))).toEqual(frames.map(({ bytes }) => bytes.subarray(0, 42)));
  });
  it('shows each flow to one agent', () => {
    const traffic = new LiveTraffic(seededRandom(7), { liveFlows: LIVE_FLOWS, agents: 3 });
    const agentOf = new Map<unknown, number>();
    for (let packet = 0; packet < COUNT; packet++) {
      const agent = traffic.advance();
      expect(agentOf.get(traffic.flow) ?? agent).toBe(agent);
      agentOf.set(traffic.flow, agent);
    }
    expect(new Set(agentOf.values())).toEqual(new Set([0, 1, 2]));
  });
});
