import { crc32 } from 'node:zlib';
import { MAX_RECORD_BYTES } from '@bpfleet/contract';
import { LinkType } from '@bpfleet/packet';
import { type CapturedPacket, forEachPacket, readCapture, readSection } from '@bpfleet/section';
import { describe, expect, it } from 'vitest';
import { NOW_NS, tcpFrame } from '../testing/sections.js';
import { type ImportedSection, SectionCutter } from './section-cutter.js';

const packet = (mark: number, given: Partial<CapturedPacket> = {}): CapturedPacket => ({
  ...{ atNs: NOW_NS + BigInt(mark), linkType: LinkType.EN10MB, bytes: tcpFrame(mark), wireLength: 2000 },
  ...{ interfaceName: undefined, direction: undefined },
  ...given,
});

function cut(packets: readonly CapturedPacket[], name = 'old.pcap') {
  const cutter = new SectionCutter('import-1', name);
  const sections: ImportedSection[] = [];
  for (const one of packets) {
    const section = cutter.add(one);
    if (section) sections.push(section);
  }
  const last = cutter.end();
  if (last) sections.push(last);
  return { sections, counts: cutter.counts };
}

describe('SectionCutter', () => {
  const packets = Array.from({ length: 3000 }, (_, mark) => packet(mark));

  it('keeps every packet, in sections that say what they hold', () => {
    const { sections, counts } = cut(packets);
    expect(sections.length).toBeGreaterThan(3);
    expect(counts).toEqual({ packets: 3000, skipped: 0, sections: sections.length });
    const back = sections.flatMap(({ value }) => [...readCapture(value)]);
    expect(back.map(({ atNs, wireLength }) => [atNs, wireLength])).toEqual(packets.map(({ atNs }) => [atNs, 2000]));
    expect(back.every(({ bytes }, mark) => Buffer.compare(bytes, tcpFrame(mark)) === 0)).toBe(true);
    sections.forEach(({ header, value }, seq) => {
      const { packets: count, tsMinNs, tsMaxNs, interfaces } = readSection(value);
      expect(header).toMatchObject({ agent: 'import-1', epoch: 1, seq, packets: count, tsMinNs, tsMaxNs });
      expect(header.crc32).toBe(crc32(value));
      expect(interfaces).toMatchObject([{ name: 'old.pcap', description: 'import@1', filter: 'len >= 0' }]);
    });
  });

  it('makes the same sections of the same packets', () => {
    expect(cut(packets)).toEqual(cut(packets));
  });

  it('cuts at the same packets whatever the file is called', () => {
    const counts = (name: string) => cut(packets, name).sections.map(({ header }) => header.packets);
    expect(counts('x'.repeat(200))).toEqual(counts('a'));
  });

  it('keeps interfaces and link types apart', () => {
    const mixed = [
      packet(1, { interfaceName: 'eth0' }),
      packet(2, { interfaceName: 'eth1' }),
      packet(3, { linkType: LinkType.LINUX_SLL }),
      packet(4, { interfaceName: 'eth0' }),
    ];
    const { sections } = cut(mixed);
    const names = [...readCapture(sections[0]!.value)].map((one) => [one.interfaceName, one.linkType]);
    expect(names).toEqual([
      ['eth0', 1],
      ['eth1', 1],
      ['old.pcap', LinkType.LINUX_SLL],
      ['eth0', 1],
    ]);
  });

  it('says in which direction packets went, and cuts as if it did not', () => {
    const directions = [undefined, 'in', 'out'] as const;
    const directed = packets.map((one, index) => ({ ...one, direction: directions[index % 3] }));
    const { sections } = cut(directed);
    const told = sections.flatMap(({ value }) => {
      const { interfaces } = readSection(value);
      const found: (string | undefined)[] = [];
      forEachPacket(value, ({ interfaceId }) => void found.push(interfaces[interfaceId]!.direction));
      return found;
    });
    expect(told).toEqual(directed.map(({ direction }) => direction));
    // Else a file that was imported without them would come again as another one.
    const counts = (from: typeof sections) => from.map(({ header }) => header.packets);
    expect(counts(sections)).toEqual(counts(cut(packets).sections));
  });

  it('has room for the longest names and the largest packets', () => {
    const nameOf = (n: number) => `${n} ${'\u{FFFD}'.repeat(65_500)}`;
    const large = new Uint8Array(262_144);
    const named = Array.from({ length: 450 }, (_, n) => packet(n, { interfaceName: nameOf(n % 230) }));
    const each = [0, 1, 2, 3].map((n) => packet(n, { interfaceName: nameOf(0), bytes: n < 3 ? large : tcpFrame(n) }));
    const last = named.slice(0, 180).concat(packet(0, { interfaceName: nameOf(999), bytes: large }));
    const bothWays = last.flatMap((one) => [
      { ...one, direction: 'in' as const },
      { ...one, direction: 'out' as const },
    ]);
    for (const packets of [named, each, last, bothWays]) {
      const { sections, counts } = cut(packets, '\u{FFFD}'.repeat(200));
      expect(counts).toMatchObject({ packets: packets.length, skipped: 0 });
      const back = sections.flatMap(({ value }) => [...readCapture(value)]);
      expect(back.map(({ bytes }) => bytes.length)).toEqual(packets.map(({ bytes }) => bytes.length));
      expect(new Set(back.map(({ interfaceName }) => interfaceName?.length))).toEqual(new Set([255]));
      expect(Math.max(...sections.map(({ value }) => value.length))).toBeLessThan(MAX_RECORD_BYTES);
    }
  });

  it('passes over what no section can hold, and counts it', () => {
    const late = packet(2, { atNs: 2n ** 32n * 1_000_000_000n });
    const largest = packet(3, { bytes: new Uint8Array(262_144), wireLength: 1 });
    const { sections, counts } = cut([packet(0), late, largest]);
    expect(counts).toEqual({ packets: 3, skipped: 1, sections: 1 });
    expect([...readCapture(sections[0]!.value)].map(({ bytes }) => bytes.length)).toEqual([
      tcpFrame(0).length,
      262_144,
    ]);
  });
});
