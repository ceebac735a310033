import type { TailGap } from '@bpfleet/contract';
import { LinkType } from '@bpfleet/packet';
import { readCapture } from '@bpfleet/section';
import { describe, expect, it } from 'vitest';
import { PacketScan } from '../packets/packet-scan.js';
import { makeSection, NOW_NS, storedSection } from '../testing/sections.js';
import { PcapngTail } from './tail-output.js';

const gap: TailGap = {
  ...{ reason: 'not-retained', log: 'log', partition: 3 },
  ...{ firstOffset: '2', endOffset: '5', records: '3' },
};

function packetsOf(linkType: number, seq = 1) {
  const criteria = { sinceNs: 0n, untilNs: 2n ** 63n, predicateOf: () => () => 'yes' as const };
  const shape = { agent: 'host-1', epoch: 1, seq, filter: 'web@3', linkType, atNs: [NOW_NS, NOW_NS + 1n] };
  return new PacketScan(criteria).open(storedSection(makeSection(shape)));
}

const text = (pieces: Iterable<Uint8Array>) => Buffer.concat([...pieces]).toString('latin1');

describe('PcapngTail', () => {
  it('is one capture file, with idle blocks between, and of several link types', () => {
    const tail = new PcapngTail();
    const file = Buffer.concat([
      tail.begin('', []),
      tail.heartbeat(),
      ...tail.step(packetsOf(LinkType.EN10MB), []),
      tail.heartbeat(),
      ...tail.step(packetsOf(LinkType.RAW, 2), [gap]),
      tail.heartbeat(),
    ]);
    const { EN10MB, RAW } = LinkType;
    expect([...readCapture(file)].map(({ linkType }) => linkType)).toEqual([EN10MB, EN10MB, RAW, RAW]);
  });
  it('says what is gone as a comment of the packet behind it, once', () => {
    const tail = new PcapngTail();
    tail.begin('', [{ since: '2026-11-22T09:00:00Z', until: '2026-11-22T09:59:59Z', sections: 7 }]);
    expect([...tail.step([], [gap])]).toEqual([]);
    const said = text(tail.step(packetsOf(LinkType.EN10MB), []));
    expect(said).toContain('from 2026-11-22T09:00:00Z to 2026-11-22T09:59:59Z not all is kept any more');
    expect(said.split('a gap: not-retained, up to 3 records, offsets 2 to 5 of partition 3')).toHaveLength(2);
    expect(text(tail.step(packetsOf(LinkType.EN10MB), []))).not.toContain('gap');
  });
});
