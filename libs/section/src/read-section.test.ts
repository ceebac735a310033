import { BpfleetError } from '@bpfleet/errors';
import { LinkType } from '@bpfleet/packet';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeInterface, encodeSectionHeader, originOptions } from './describe.js';
import { byteOption, encodeBlock, textOption, u32sOption } from './encode-block.js';
import { forEachPacket } from './for-each-packet.js';
import { BlockType, LocalOption, OptionCode } from './format.js';
import { readSection, type SectionInterface, scanSection } from './read-section.js';
import { SectionWriter } from './section-writer.js';

/** A section with all that one can hold, and with packets that carry options. */
function sample(packets = 5): Uint8Array {
  const writer = new SectionWriter({ hardware: 'x86_64', application: 'bpfleet', capacityBytes: 32_768 });
  writer.begin();
  writer.addInterface({ name: 'eth0', linkType: LinkType.EN10MB });
  writer.addInterface({
    name: 'eth0',
    linkType: 1,
    description: 'web@3',
    filter: 'tcp',
    digests: 'd',
    samplingWeights: [2],
    direction: 'out',
  });
  const bytes = Uint8Array.from({ length: 70 }, (_, i) => i);
  for (let i = 0; i < packets; i++) writer.append(i % 2, 1000 + i, i, bytes, i, 60, 60 + i, undefined, i % 3);
  writer.addStatistics(0, { received: 7, dropped: 2, delivered: 5 });
  return writer.finish({ seen: '7' }).slice();
}

const count = (section: Uint8Array): number => {
  let packets = 0;
  forEachPacket(section, (packet) => {
    packets++;
    if (packet.start + packet.capturedLength > section.length) throw new Error('out of bounds');
    return true;
  });
  return packets;
};
function scanned(section: Uint8Array) {
  const interfaces: SectionInterface[] = [];
  let packets = 0;
  scanSection(section, {
    interface: (one) => void interfaces.push(one),
    packet: ({ index, interfaceId }) => {
      expect(index).toBe(packets++);
      expect(interfaceId).toBeLessThan(interfaces.length);
    },
  });
  return { packets, interfaces };
}
const codeOf = (act: () => unknown): string => {
  try {
    act();
    return 'accepted';
  } catch (error) {
    if (error instanceof BpfleetError) return error.code;
    throw error;
  }
};

/** One section of the given blocks, its length filled in. */
function sectionOf(blocks: readonly Uint8Array[], options = originOptions({})): Uint8Array {
  const body = blocks.flatMap((block) => [...block]);
  return Uint8Array.from([...encodeSectionHeader(options, body.length), ...body]);
}
const ethernet = encodeInterface({ name: 'eth0', linkType: 1 });
function packetBlock(
  fields: { id?: number; timeHigh?: number; captured?: number; wire?: number },
  data = 8,
): Uint8Array {
  const body = new Uint8Array(20 + data);
  const view = new DataView(body.buffer);
  view.setUint32(0, fields.id ?? 0, true);
  view.setUint32(4, fields.timeHigh ?? 1, true);
  view.setUint32(12, fields.captured ?? 8, true);
  view.setUint32(16, fields.wire ?? 8, true);
  return encodeBlock(BlockType.enhancedPacket, body, []);
}
const packet = packetBlock({});

describe('readSection', () => {
  it('reads blocks it does not know past, and a section whose length is not given', () => {
    const known = sectionOf([ethernet, packet, encodeBlock(0x0bad, new Uint8Array(12), []), packet]);
    expect(readSection(known).packets).toBe(2);
    const streamed = [...encodeSectionHeader([], -1), ...ethernet, ...packet];
    expect(readSection(Uint8Array.from(streamed)).packets).toBe(1);
  });

  it('ends a text at its first zero octet and reads what is not UTF-8 as replacement characters', () => {
    const options = [textOption(OptionCode.shb.hardware, 'x86\0junk'), { code: 3, value: Uint8Array.of(0x41, 0xff) }];
    expect(readSection(sectionOf([], options))).toMatchObject({ hardware: 'x86', operatingSystem: 'A\ufffd' });
  });

  it.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array()],
    ['a file of another kind', new Uint8Array(64).fill(0x41)],
    ['big-endian pcapng', sample().with(8, 0x1a).with(9, 0x2b).with(10, 0x3c).with(11, 0x4d)],
    ['another major version', sample().with(12, 2)],
    ['a section length that is not the rest', sample().with(16, 1)],
    ['a section length with a high word', sample().with(20, 1)],
    ['a second section behind it', Uint8Array.from([...encodeSectionHeader([], -1), ...sample()])],
    ['a packet before any interface', sectionOf([packet])],
    ['a packet of an unknown interface', sectionOf([ethernet, packetBlock({ id: 1 })])],
    ['more captured than the block holds', sectionOf([ethernet, packetBlock({ captured: 9, wire: 9 })])],
    ['captured bytes that overflow', sectionOf([ethernet, packetBlock({ captured: 0xffff_fffe, wire: 0xffff_ffff })])],
    ['more captured than was on the wire', sectionOf([ethernet, packetBlock({ wire: 7 })])],
    ['a time past 2262', sectionOf([ethernet, packetBlock({ timeHigh: 0x8000_0000 })])],
    ['a simple packet block', sectionOf([ethernet, encodeBlock(BlockType.simplePacket, new Uint8Array(8), [])])],
    ['an obsolete packet block', sectionOf([ethernet, encodeBlock(BlockType.packet, new Uint8Array(24), [])])],
    [
      'an enhanced packet block without its fields',
      sectionOf([ethernet, encodeBlock(BlockType.enhancedPacket, new Uint8Array(16), [])]),
    ],
    [
      'an option that reaches past its block',
      sectionOf([ethernet, encodeBlock(6, new Uint8Array(20), [{ code: 1, value: new Uint8Array(4) }]).with(30, 12)]),
    ],
    ['a block that is not padded', sectionOf([Uint8Array.of(0xad, 0x0b, 0, 0, 14, 0, 0, 0, 0, 0, 14, 0, 0, 0)])],
    [
      'flags of two bytes',
      sectionOf([
        ethernet,
        encodeBlock(6, new Uint8Array(20), [{ code: LocalOption.flags, value: new Uint8Array(2) }]),
      ]),
    ],
  ])('and forEachPacket refuse %s', (_, section) => {
    expect(codeOf(() => readSection(section))).toBe('SECTION_CORRUPT');
    expect(codeOf(() => count(section))).toBe('SECTION_CORRUPT');
  });

  it.each<[string, Uint8Array]>([
    ['a resolution other than ns', sectionOf([encodeBlock(1, new Uint8Array(8), [byteOption(9, 6)])])],
    ['no resolution, which means µs', sectionOf([encodeBlock(1, new Uint8Array(8), [])])],
    ['an offset of times', sectionOf([encodeBlock(1, new Uint8Array(8), [byteOption(9, 9), u32sOption(14, [0])])])],
    [
      'statistics of an unknown interface',
      sectionOf([ethernet, encodeBlock(5, Uint8Array.of(1, ...new Uint8Array(11)), [])]),
    ],
    ['a counter of four bytes', sectionOf([ethernet, encodeBlock(5, new Uint8Array(12), [u32sOption(4, [1])])])],
    ['a ledger that is not JSON', sectionOf([], [textOption(LocalOption.ledger, '{')])],
    ['a ledger that is a list', sectionOf([], [textOption(LocalOption.ledger, '[]')])],
    ['a ledger with a number', sectionOf([], [textOption(LocalOption.ledger, '{"seen":1}')])],
    [
      'more than 65,535 interfaces',
      sectionOf(Array.from({ length: 65_536 }, () => encodeBlock(1, new Uint8Array(8), [byteOption(9, 9)]))),
    ],
    [
      'more than a MiB of text',
      sectionOf(Array.from({ length: 17 }, () => encodeInterface({ name: 'n'.repeat(65_000), linkType: 1 }))),
    ],
  ])('refuses %s', (_, section) => {
    expect(codeOf(() => readSection(section))).toBe('SECTION_CORRUPT');
  });

  it('visits the packets before a fault, and stops when the visitor says so', () => {
    const section = sectionOf([ethernet, packet, packet, packetBlock({ id: 9 })]);
    const seen: number[] = [];
    expect(() => forEachPacket(section, ({ index }) => seen.push(index) > 0)).toThrow('interface 9 of 1');
    expect(seen).toEqual([0, 1]);
    forEachPacket(section, ({ index }) => index < 1);
  });

  it('refuses every section that is cut short', () => {
    const whole = sample();
    for (let length = 0; length < whole.length; length++) {
      expect(codeOf(() => readSection(whole.subarray(0, length)))).toBe('SECTION_CORRUPT');
    }
  });

  it('reads or refuses any mutation, never anything else, and the walk agrees', () => {
    const whole = sample();
    const edit = fc.tuple(fc.nat(whole.length - 1), fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 4, 0x7f, 0x80, 0xff)));
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 6 }), (edits) => {
        const bytes = whole.slice();
        for (const [at, byte] of edits) bytes[at] = byte;
        const outcome = codeOf(() => readSection(bytes));
        expect(['accepted', 'SECTION_CORRUPT']).toContain(outcome);
        // What readSection took, a walk takes too and finds as many packets.
        if (outcome === 'accepted') {
          const { packets, interfaces } = readSection(bytes);
          expect(count(bytes)).toBe(packets);
          expect(scanned(bytes)).toEqual({ packets, interfaces });
        } else expect(['accepted', 'SECTION_CORRUPT']).toContain(codeOf(() => count(bytes)));
      }),
      { numRuns: 10_000 },
    );
  }, 60_000);

  it('reads or refuses any bytes behind a valid head', () => {
    const word = fc.oneof(fc.nat(0xffff_ffff), fc.constantFrom(0, 1, 5, 6, 12, 16, 28, 32, 0x8001_0004, 0x0a0d_0d0a));
    fc.assert(
      fc.property(fc.array(word, { maxLength: 40 }), (words) => {
        const head = [...encodeSectionHeader([], -1), ...ethernet];
        const bytes = Uint8Array.from([...head, ...new Uint8Array(Uint32Array.from(words).buffer)]);
        expect(['accepted', 'SECTION_CORRUPT']).toContain(codeOf(() => readSection(bytes)));
        expect(['accepted', 'SECTION_CORRUPT']).toContain(codeOf(() => count(bytes)));
      }),
      { numRuns: 10_000 },
    );
  }, 60_000);
});
