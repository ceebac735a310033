import { FlowListQuery, TimelineQuery, TopQuery, topKeys } from '@bpfleet/contract';
import { LinkType } from '@bpfleet/packet';
import { forEachPacket } from '@bpfleet/section';
import { expect } from 'vitest';
import type { FlowsService } from '../flows/flows.service.js';
import { packetPredicates } from '../packets/packet-predicate.js';
import type { Verdict } from '../packets/packet-verdict.js';
import { frameOf, hasFlow, hostOf, MINUTE, type SectionSpec, type Spec } from './flow-specs.js';
import type { FlowsRig } from './flows-rig.js';
import { NOW_MS, type TestSection } from './sections.js';

const { signal } = new AbortController();

/** Of all specs. */
export const range = {
  since: new Date(NOW_MS - 3 * 3_600_000).toISOString(),
  until: new Date(NOW_MS + 120_000).toISOString(),
};

/** Of a packet as it is stored: what there is to count, and what the packets' own evaluation says. */
interface Counted extends Spec, Pick<SectionSpec, 'agent' | 'filters' | 'weights'> {
  readonly bytes: number;
  readonly verdict: Verdict;
}
function packetsOf(specs: readonly SectionSpec[], sections: readonly TestSection[], expression: string): Counted[] {
  const predicate = packetPredicates(expression)(LinkType.EN10MB);
  return specs.flatMap(({ packets, agent, filters, weights }, n) => {
    const verdicts: Verdict[] = [];
    const { value } = sections[n]!;
    forEachPacket(value, (packet) => verdicts.push(predicate(value, packet)) > 0);
    return packets.map((spec, index) => ({
      ...{ ...spec, agent, filters, weights, verdict: verdicts[index]!, bytes: frameOf(spec).length },
    }));
  });
}

const keysOf: Record<(typeof topKeys)[number], (packet: Counted) => string[]> = {
  agent: ({ agent }) => [agent],
  filter: ({ filters }) => filters.split(','),
  host: (packet) => {
    const { six, from, to } = packet;
    return hasFlow(packet) ? [...new Set([hostOf(six, from), hostOf(six, to)])] : [];
  },
  port: (packet) => [!hasFlow(packet) || packet.kind === 'icmp' ? 'other' : String(packet.port)],
  protocol: (packet) => [hasFlow(packet) ? packet.kind : 'other'],
};
const weightOf = ({ filters, weights }: Counted, by: string, key: string) =>
  by === 'filter' ? weights[filters.split(',').indexOf(key)]! : Math.min(...weights);

type Sums = Record<string, { packets: number; bytes: number; estimated: number }>;
function recount(packets: readonly Counted[], by: string, keys: (packet: Counted) => string[]): Sums {
  const sums: Sums = {};
  for (const packet of packets) {
    for (const key of keys(packet)) {
      sums[key] ??= { packets: 0, bytes: 0, estimated: 0 };
      sums[key].packets++;
      sums[key].bytes += packet.bytes;
      sums[key].estimated += weightOf(packet, by, key);
    }
  }
  return sums;
}
const sumsOf = (
  entries: readonly { key: string; packets: number; bytes: number; estimated?: { packets: number } | undefined }[],
): Sums =>
  Object.fromEntries(
    entries.map(({ key, packets, bytes, estimated }) => [
      key,
      { packets, bytes, estimated: estimated?.packets ?? packets },
    ]),
  );

/** Everything is asked, and compared with a recount of the packets. */
export async function compareFlows(
  { flows, nowMs }: FlowsRig,
  specs: readonly SectionSpec[],
  sections: readonly TestSection[],
  filter: string,
  given = range,
) {
  const from = BigInt(Math.floor(Date.parse(given.since) / 60_000)) * MINUTE;
  const to = BigInt(Math.ceil(Date.parse(given.until) / 60_000)) * MINUTE;
  const inRange = packetsOf(specs, sections, filter).filter(({ atNs }) => atNs >= from && atNs < to);
  // A flow behind tags tells nothing but that it is there, and packets without a sound header have none.
  const isOpen = ({ kind, isTagged, damage }: Counted) =>
    filter !== '' && kind !== 'arp' && (isTagged || damage !== 'none');
  const matching = inRange.filter((packet) => packet.verdict === 'yes' && !isOpen(packet));
  const matchingFlows = matching.filter(hasFlow);
  for (const by of topKeys) {
    const top = await flows.top(TopQuery.parse({ ...given, filter, by, limit: 1000 }), nowMs, signal);
    // What is not IP is counted where the expression surely means all of it.
    const othersCount = filter === '' || filter === 'not tcp';
    const counted = othersCount ? matching : matchingFlows;
    expect(sumsOf(top.entries)).toEqual(recount(counted, by, keysOf[by]));
    expect(top.total.packets).toBe(counted.length);
    const open = inRange.filter(isOpen).length;
    expect(top.completeness.packetsUndecided).toBeGreaterThanOrEqual(open);
    const yes = inRange.filter(({ verdict }) => verdict === 'yes').length;
    expect(top.completeness.packetsCounted + top.completeness.packetsUndecided).toBeGreaterThanOrEqual(yes);
    if (by !== 'agent') continue;
    for (const step of ['1m', '15m', '1h']) {
      const line = await flows.timeline(TimelineQuery.parse({ ...given, filter, step }), nowMs, signal);
      const stepNs = BigInt(line.stepMs) * 1_000_000n;
      const expected = recount(counted, 'time', ({ atNs }) => [
        new Date(Number(((atNs / stepNs) * stepNs) / 1_000_000n)).toISOString(),
      ]);
      expect(sumsOf(line.points.map(({ at, ...sum }) => ({ key: at, ...sum })))).toEqual(expected);
    }
  }
  const { listed } = await everyFlow(flows, { ...given, filter }, nowMs);
  const flowKey = (p: Counted) =>
    [p.agent, p.filters, p.kind, hostOf(p.six, p.from), hostOf(p.six, p.to), ...portsOf(p)].join(' ');
  const portsOf = ({ kind, port, isReply }: Counted) =>
    kind === 'icmp' ? ['', ''] : isReply ? [port, 40_000] : [40_000, port];
  const byFlow = recount(matchingFlows, 'flow', (packet) => [flowKey(packet)]);
  expect(sumsOf(listed)).toEqual(byFlow);
}

async function everyFlow(flows: FlowsService, query: object, nowMs: number) {
  const listed: { key: string; packets: number; bytes: number; estimated?: { packets: number } | undefined }[] = [];
  const lasts: string[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await flows.list(FlowListQuery.parse({ ...query, limit: 7, cursor }), nowMs, signal);
    for (const flow of page.flows) {
      const { agent, filters, protocol, source, destination, sourcePort = '', destinationPort = '' } = flow;
      const key = [agent, filters.join(','), protocol, source, destination, sourcePort, destinationPort].join(' ');
      listed.push({ ...flow, key });
      lasts.push(flow.last);
    }
    cursor = page.next;
    if (cursor === undefined) break;
  }
  expect(lasts).toEqual(lasts.toSorted((a, b) => (a < b ? 1 : -1)));
  return { listed };
}
