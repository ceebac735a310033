import { LinkType, parseIpv4 } from '@bpfleet/packet';
import { type SectionIndex, SectionIndexer } from '@bpfleet/pruning';
import { forEachPacket } from '@bpfleet/section';
import type { Random } from '@bpfleet/test-environment/live-traffic';
import { type MadeSection, makeSections } from '../ingest/section-source.js';

/** A section of the traffic with what the store keeps of it, and the addresses that are really in it. */
export interface IndexedSection extends Omit<MadeSection, 'frames'> {
  readonly index: SectionIndex;
  readonly hosts: ReadonlySet<string>;
}

/** Made at a time: what is told of each packet need not all be in memory. */
const AT_A_TIME = 50;

export function* indexedTraffic(count: number, seed: number, startSeconds: number): Generator<IndexedSection> {
  const indexer = new SectionIndexer();
  for (let made = 0; made < count; made += AT_A_TIME) {
    const startAt = startSeconds + Math.floor(made / AT_A_TIME);
    for (const { frames, ...section } of makeSections(Math.min(AT_A_TIME, count - made), seed + made, startAt)) {
      const hosts = new Set(frames.flatMap(({ flow }) => [flow.source, flow.destination]));
      yield { ...section, index: indexOf(section.body, indexer), hosts };
    }
  }
}

export function indexOf(body: Uint8Array, indexer: SectionIndexer): SectionIndex {
  indexer.begin();
  forEachPacket(body, (packet) => {
    indexer.add(body, packet, LinkType.EN10MB, false);
    return true;
  });
  return indexer.finish();
}

/** Hosts that the traffic has not, a third each beside its internal ones, beside its external ones, and anywhere. */
export function absentHosts(count: number, random: Random): string[] {
  const below = (limit: number) => Math.floor(random() * limit);
  const inside = () => `10.0.${below(112)}.${7 * below(36)}`;
  const outside = () => {
    const number = 101 * below(65_536) + 1 + below(100);
    return `45.${number >>> 16}.${(number >>> 8) & 255}.${number & 255}`;
  };
  const anywhere = () => [46 + below(150), below(256), below(256), below(256)].join('.');
  return Array.from({ length: count }, (_, index) => [inside, outside, anywhere][index % 3]!());
}

export function addressOf(host: string): number {
  const [a = 0, b = 0, c = 0, d = 0] = parseIpv4(host);
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}
