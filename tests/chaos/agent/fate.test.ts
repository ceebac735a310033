import { LinkType } from '@bpfleet/packet';
import { SectionWriter } from '@bpfleet/section';
import { describe, expect, it } from 'vitest';
import { numberedFrames } from '../../e2e/numbered-traffic.js';
import { killBar, SECTION_PACKET_BYTES } from './fate.js';

describe('killBar', () => {
  it('is what comes in 200 ms, where that is less than 64 KiB, and one block of a ring', () => {
    expect(killBar(2_000)).toEqual({ most: 400 + 1_598, says: '1998: 400 of a flush window, 1598 of a ring block' });
  });
  it('is 64 KiB of packets, where that is less than what comes in 200 ms, and one block of a ring', () => {
    expect(killBar(20_000)).toEqual({ most: 512 + 1_598, says: '2110: 512 of a flush window, 1598 of a ring block' });
  });
  it('counts as many bytes of a section for a numbered packet as it takes there', () => {
    const writer = new SectionWriter({ application: 'test', capacityBytes: 64 * 1024 });
    writer.begin();
    writer.addInterface({ name: 'eth0', linkType: LinkType.EN10MB });
    const before = writer.endBytes;
    const [frame] = numberedFrames(0, 1) as [Uint8Array];
    writer.append(0, 0, 0, frame, 0, 96, frame.length, undefined, 0);
    expect(writer.endBytes - before).toBe(SECTION_PACKET_BYTES);
  });
});
