import { FakeRing } from '@bpfleet/linux';
import { readSection, SectionWriter } from '@bpfleet/section';
import { describe, expect, it } from 'vitest';
import { Attribution } from '../attribution/attribution.js';
import { MemberLedger } from '../attribution/member-ledger.js';
import { memberOf } from '../attribution/testing/member.js';
import { InterfaceLane } from '../ring/interface-lane.js';
import { RingPacket } from '../ring/ring-packet.js';
import { noProgress } from './open-section.js';
import { SECTION_CAPACITY_BYTES, SectionAssembler } from './section-assembler.js';
import type { ClosedSection } from './section-sink.js';

const KIB = 1024;

describe('SectionAssembler', () => {
  /** Sizes of sections in KiB. */
  const sizesAt = (packetsPerSecond: number): number[] =>
    sectionsAt(packetsPerSecond).map(({ length }) => length / KIB);

  /** Without packets; its totals are the test's. */
  function assembled() {
    const sections: ClosedSection[] = [];
    const writer = new SectionWriter({ application: 'bpfleet', capacityBytes: SECTION_CAPACITY_BYTES });
    const sink = { write: (one: ClosedSection) => void sections.push({ ...one, bytes: one.bytes.slice() }) };
    const totals = { kernelPassed: 0, kernelDropped: 0, taken: 0, sampledOut: 0 };
    return { assembler: new SectionAssembler(writer, sink, () => totals, noProgress), sections, totals };
  }

  /** The sections that close while packets of 1000 bytes come at an even rate for two seconds. */
  function sectionsAt(packetsPerSecond: number): Uint8Array[] {
    const sections: Uint8Array[] = [];
    const origin = { hardware: 'x86_64', operatingSystem: 'Linux', application: 'bpfleet' };
    const writer = new SectionWriter({ ...origin, capacityBytes: SECTION_CAPACITY_BYTES });
    const sink = { write: ({ bytes }: { bytes: Uint8Array }) => void sections.push(bytes.slice()) };
    const totals = () => ({ kernelPassed: 0, kernelDropped: 0, taken: 0 });
    const assembler = new SectionAssembler(writer, sink, totals, noProgress);
    const attribution = new Attribution(
      [memberOf('all', '', { snaplenBytes: 1000 })],
      new MemberLedger().accountsOn('eth0'),
    );
    const ring = new FakeRing();
    const device = { name: 'eth0', index: 1, linkType: 'EN10MB', cooked: false };
    const place = { socket: 1, blockSequence: 0, packets: 0 };
    const lane = new InterfaceLane(device, place, attribution, () => ({ passed: 0, dropped: 0 }));
    const packet = new RingPacket();
    const frame = { bytes: new Uint8Array(1000) };
    for (let nowMs = 0; nowMs < 2000; nowMs += 10) {
      ring.push(Array.from({ length: packetsPerSecond / 100 }, () => frame));
      const block = ring.take()!;
      packet.block = block;
      while (block.next()) assembler.take(lane, packet, attribution.attribute(packet), false, nowMs);
      ring.release();
      assembler.closeIfDue(nowMs);
    }
    return sections;
  }

  it('tells how many packets are in the sections so far, for whoever misses some of them', () => {
    const read = sectionsAt(1000).map((bytes) => readSection(bytes));
    const upTo = (last: number) => read.slice(0, last + 1).reduce((sum, { packets }) => sum + packets, 0);
    expect(read.map(({ ledger }) => ledger?.kept)).toEqual(read.map((_, index) => String(upTo(index))));
  });

  it('tells figures that no section has in one without packets, once, before it stops', () => {
    const { assembler, sections, totals } = assembled();
    assembler.conclude(5n);
    expect(sections).toEqual([]);
    totals.taken = 599;
    totals.sampledOut = 599;
    assembler.conclude(1_700_000_000_000_000_000n);
    assembler.conclude(1_700_000_000_000_000_001n);
    expect(sections).toMatchObject([{ seq: 0, packets: 0, filters: [], tsMinNs: 1_700_000_000_000_000_000n }]);
    expect(readSection(sections[0]!.bytes).ledger).toMatchObject({ captured: '599', kept: '0', 'sampled-out': '599' });
    totals.kernelDropped = 3;
    assembler.conclude(1_700_000_000_000_000_002n);
    expect(sections.map(({ seq }) => seq)).toEqual([0, 1]);
  });

  it('closes sections when their flush window is over', () => {
    const sizes = sizesAt(200);
    expect(sizes).toHaveLength(9);
    expect(Math.max(...sizes)).toBeLessThan(60);
  });

  it('closes them at 64 KiB when that much comes within the window', () => {
    const sizes = sizesAt(1000);
    expect(sizes.length).toBeGreaterThan(28);
    // Less the room for the ledger.
    expect(Math.min(...sizes)).toBeGreaterThan(47);
    expect(Math.max(...sizes)).toBeLessThan(67);
  });

  it('lets them grow, to 256 KiB at most, instead of closing more than twenty a second', () => {
    const sizes = sizesAt(4000);
    expect(sizes.length).toBeLessThan(41);
    expect(Math.min(...sizes)).toBeGreaterThan(128);
    const large = sizesAt(20_000);
    expect(Math.min(...large)).toBeGreaterThan(239);
    expect(Math.max(...large)).toBeLessThan(259);
  });
});
