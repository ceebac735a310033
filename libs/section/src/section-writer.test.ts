import { LinkType } from '@bpfleet/packet';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { forEachPacket } from './for-each-packet.js';
import { PacketFlag, SNAPLEN_BYTES } from './format.js';
import { readSection } from './read-section.js';
import { SectionWriter } from './section-writer.js';

const origin = { hardware: 'x86_64', operatingSystem: 'Linux 6.18', application: 'bpfleet 0.1.0' };
const ethernet = { name: 'eth0', linkType: LinkType.EN10MB };
const writer = (capacityBytes = 64 * 1024) => new SectionWriter({ ...origin, capacityBytes });
const ramp = (length: number) => Uint8Array.from({ length }, (_, i) => i & 0xff);

interface Seen {
  interfaceId: number;
  atNs: bigint;
  bytes: number[];
  wireLength: number;
  flags: number;
}
function packetsOf(section: Uint8Array): Seen[] {
  const seen: Seen[] = [];
  forEachPacket(section, (packet) => {
    const { interfaceId, atNs, wireLength, flags, start, capturedLength } = packet;
    seen.push({ interfaceId, atNs, wireLength, flags, bytes: [...section.subarray(start, start + capturedLength)] });
    return true;
  });
  return seen;
}

describe('SectionWriter', () => {
  it('writes what readSection reads: origin, ledger, interfaces, statistics', () => {
    const w = writer();
    w.begin();
    const web = {
      ...ethernet,
      description: 'web@3,dns@1',
      filter: 'tcp port 443',
      digests: `sha256:${'a'.repeat(64)}`,
      samplingWeights: [10, 1],
      direction: 'in' as const,
    };
    expect(w.addInterface(ethernet)).toBe(0);
    expect(w.addInterface(web)).toBe(1);
    w.append(1, 1_700_000_000, 999_999_999, ramp(60), 0, 60, 60, undefined, 0);
    w.addStatistics(0, { received: 12n, dropped: 2, delivered: 10, droppedByInterface: 1 });
    const section = readSection(w.finish({ seen: '12', captured: '10' }));
    expect(section).toEqual({
      ...origin,
      ledger: { captured: '10', seen: '12' },
      interfaces: [ethernet, web],
      statistics: [{ interfaceId: 0, received: 12n, dropped: 2n, delivered: 10n, droppedByInterface: 1n }],
      packets: 1,
      tsMinNs: 1_700_000_000_999_999_999n,
      tsMaxNs: 1_700_000_000_999_999_999n,
    });
  });

  it('goes on in more options where a list is longer than one', () => {
    const w = writer(512 * 1024);
    w.begin();
    const versions = Array.from({ length: 9000 }, (_, index) => `filter-${index}@1`).join(',');
    const digests = Array.from({ length: 1024 }, (_, index) => `sha256:${String(index).padStart(64, '0')}`).join(',');
    w.addInterface({ ...ethernet, description: versions, digests });
    const [read] = readSection(w.finish({})).interfaces;
    expect([versions.length, digests.length]).toEqual([124_889, 73_727]);
    expect([read?.description === versions, read?.digests === digests]).toEqual([true, true]);
  });

  it.each([
    [16_383, true],
    [16_384, false],
  ])('has an expression of %i bytes: %s, or says why not', (lengthBytes, isThere) => {
    const w = writer();
    w.begin();
    const filter = 'f'.repeat(lengthBytes);
    w.addInterface({ ...ethernet, filter });
    const section = w.finish({});
    expect(readSection(section).interfaces).toEqual([isThere ? { ...ethernet, filter } : ethernet]);
    const comment = `if_filter of ${lengthBytes} bytes left out`;
    expect(Buffer.from(section).includes(comment)).toBe(!isThere);
  });

  it('says why statistics are not all known, in no more room', () => {
    const w = writer();
    w.begin();
    w.addInterface(ethernet);
    w.append(0, 1, 0, ramp(60), 0, 60, 60, undefined, 0);
    const before = w.sizeBytes;
    w.addStatistics(0, { delivered: 10, comment: '32 bytes of text to say why: ab' });
    expect(w.sizeBytes).toBeLessThanOrEqual(before);
    const section = w.finish({});
    expect(Buffer.from(section).toString('latin1')).toContain('to say why');
    expect(readSection(section).statistics).toMatchObject([{ delivered: 10n, received: 0n }]);
  });

  it('gives back every packet that it took', () => {
    const packet = fc.record({
      seconds: fc.integer({ min: 0, max: 0xffff_ffff }),
      nanoseconds: fc.integer({ min: 0, max: 999_999_999 }),
      bytes: fc.uint8Array({ maxLength: 600 }),
      cut: fc.nat(3000),
      flags: fc.constantFrom(0, PacketFlag.aggregated, PacketFlag.attributionUndecided),
      interfaceId: fc.nat(1),
      before: fc.nat(9),
    });
    const w = writer(256 * 1024);
    fc.assert(
      fc.property(fc.array(packet, { maxLength: 40 }), (packets) => {
        w.begin();
        w.addInterface(ethernet);
        w.addInterface({ ...ethernet, name: 'eth1' });
        const expected = packets.map(({ seconds, nanoseconds, bytes, cut, flags, interfaceId, before }) => {
          const inRing = new Uint8Array(before + bytes.length + 3).fill(0xee);
          inRing.set(bytes, before);
          const wireLength = bytes.length + cut;
          expect(
            w.append(interfaceId, seconds, nanoseconds, inRing, before, bytes.length, wireLength, undefined, flags),
          ).toBe(true);
          const atNs = BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds);
          return { interfaceId, atNs, bytes: [...bytes], wireLength, flags };
        });
        const { tsMinNs, tsMaxNs } = w;
        const section = w.finish({});
        expect(packetsOf(section)).toEqual(expected);
        expect(readSection(section)).toMatchObject({ packets: packets.length, tsMinNs, tsMaxNs });
      }),
    );
  });

  it('puts a VLAN tag back behind the addresses and lets both lengths grow', () => {
    const w = writer();
    w.begin();
    w.addInterface(ethernet);
    w.append(0, 1, 0, ramp(20), 0, 20, 100, { tpid: 0x8100, tci: 0x2007 }, PacketFlag.aggregated);
    const [packet] = packetsOf(w.finish({}));
    expect(packet!.bytes).toEqual([...ramp(12), 0x81, 0x00, 0x20, 0x07, ...ramp(20).subarray(12)]);
    expect(packet).toMatchObject({ wireLength: 104, flags: PacketFlag.aggregated | PacketFlag.vlanTagWasMetadata });
  });

  it.each([
    ['before the protocol of a cooked packet', LinkType.LINUX_SLL, 20, 24, 24],
    ['not into a packet cut before its place', LinkType.EN10MB, 11, 11, 24],
    ['not into a link type without a place for it', LinkType.RAW, 20, 20, 20],
  ])('puts a VLAN tag %s', (_, linkType, captured, stored, wireLength) => {
    const w = writer();
    w.begin();
    w.addInterface({ name: 'any', linkType });
    w.append(0, 1, 0, ramp(20), 0, captured, 20, { tpid: 0x8100, tci: 7 }, 0);
    const [packet] = packetsOf(w.finish({}));
    expect(packet).toMatchObject({ wireLength, flags: stored > captured ? PacketFlag.vlanTagWasMetadata : 0 });
    expect(packet!.bytes).toHaveLength(stored);
  });

  it('fills the padding with zeros, whatever the section before left there', () => {
    const w = writer();
    w.begin();
    w.addInterface(ethernet);
    w.append(0, 1, 0, new Uint8Array(64).fill(0xff), 0, 64, 64, undefined, 0);
    w.finish({});
    w.begin();
    w.addInterface(ethernet);
    w.append(0, 1, 0, new Uint8Array(61).fill(0xff), 0, 61, 61, undefined, 0);
    expect([...w.finish({}).subarray(-8, -4)]).toEqual([0xff, 0, 0, 0]);
  });

  it('refuses what does not fit, keeps room for head and statistics and never passes its capacity', () => {
    const w = writer(8192);
    w.begin();
    w.addInterface(ethernet);
    let taken = 0;
    while (w.append(0, 1, 0, ramp(100), 0, 100, 100, undefined, 0)) taken++;
    expect(w.addInterface(ethernet)).toBe(-1);
    w.addStatistics(0, { received: 1, dropped: 0, delivered: 1 });
    const section = w.finish({ filler: 'x'.repeat(4000) });
    expect(section.length).toBeLessThanOrEqual(8192);
    expect(section.length).toBeGreaterThan(8192 - 220);
    expect(readSection(section).packets).toBe(taken);
  });

  it('refuses a ledger for which no room was kept, and interfaces that it does not have', () => {
    const w = new SectionWriter({ ...origin, capacityBytes: 64 * 1024, ledgerBytes: 20 });
    w.begin();
    expect(() => w.addStatistics(0, { received: 1, dropped: 0, delivered: 1 })).toThrow('interface 0, of 0');
    expect(() => w.finish({ captured: '1234567890' })).toThrow('the ledger has 25 bytes, room is for 20');
    expect(readSection(w.finish({ captured: '12345' })).ledger).toEqual({ captured: '12345' });
  });

  it('cuts at snaplen 262144 and says how long the packet was', () => {
    const w = writer(600_000);
    w.begin();
    w.addInterface(ethernet);
    w.append(0, 1, 0, ramp(300_000), 0, 300_000, 300_000, { tpid: 0x8100, tci: 1 }, 0);
    const [packet] = packetsOf(w.finish({}));
    expect(packet!.bytes).toHaveLength(SNAPLEN_BYTES);
    expect(packet!.wireLength).toBe(300_004);
  });

  it('keeps times of packets that come out of order', () => {
    const w = writer();
    w.begin();
    w.addInterface(ethernet);
    expect([w.tsMinNs, w.tsMaxNs, w.isEmpty]).toEqual([0n, 0n, true]);
    for (const [seconds, nanoseconds] of [
      [5, 7],
      [5, 3],
      [4, 9],
      [6, 0],
      [5, 999_999_999],
    ] as const) {
      w.append(0, seconds, nanoseconds, ramp(14), 0, 14, 14, undefined, 0);
    }
    expect([w.tsMinNs, w.tsMaxNs, w.packets]).toEqual([4_000_000_009n, 6_000_000_000n, 5]);
  });

  it('writes equal ledgers as equal bytes', () => {
    const bytes = (ledger: Record<string, string>) => {
      const w = writer();
      w.begin();
      return [...w.finish(ledger)];
    };
    expect(bytes({ b: '2', a: '1' })).toEqual(bytes({ a: '1', b: '2' }));
  });
});
