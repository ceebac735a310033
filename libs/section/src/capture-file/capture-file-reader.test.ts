import { BpfleetError } from '@bpfleet/errors';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CaptureFileReader, readCapture, readCaptureStream } from './capture-file-reader.js';
import type { CapturedPacket } from './captured-packet.js';

/** Writes fields in either byte order, for files as other systems make them. */
class Fields {
  readonly bytes: number[] = [];
  constructor(private readonly isLittle: boolean) {}
  #put(size: number, write: (view: DataView) => void): this {
    const view = new DataView(new ArrayBuffer(size));
    write(view);
    this.bytes.push(...new Uint8Array(view.buffer));
    return this;
  }
  u16(...numbers: number[]): this {
    for (const n of numbers) this.#put(2, (view) => view.setUint16(0, n, this.isLittle));
    return this;
  }
  u32(...numbers: number[]): this {
    for (const n of numbers) this.#put(4, (view) => view.setUint32(0, n, this.isLittle));
    return this;
  }
  i64 = (number: bigint) => this.#put(8, (view) => view.setBigInt64(0, number, this.isLittle));
  raw(bytes: Iterable<number>): this {
    this.bytes.push(...bytes);
    return this;
  }
  padded = (bytes: Uint8Array) => this.raw(bytes).raw(new Uint8Array((4 - (bytes.length % 4)) % 4));
  block = (type: number, body: Fields) => {
    const length = body.bytes.length + 12;
    return this.u32(type, length).raw(body.bytes).u32(length);
  };
  get array(): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(this.bytes);
  }
}

interface Packet {
  seconds: number;
  micros: number;
  bytes: Uint8Array;
  cut: number;
}
const text = (string: string) => new TextEncoder().encode(string);
const sectionHeader = (f: (isLittle: boolean) => Fields, isLittle: boolean) =>
  f(isLittle).u32(0x1a2b3c4d).u16(1, 0).i64(-1n);

const sectionHeaderBlock = () =>
  new Fields(true).block(
    0x0a0d0d0a,
    sectionHeader((isLittle) => new Fields(isLittle), true),
  );

function pcapFile(packets: readonly Packet[], isLittle: boolean, isNanosecond: boolean): Uint8Array<ArrayBuffer> {
  const file = new Fields(isLittle)
    .u32(isNanosecond ? 0xa1b23c4d : 0xa1b2c3d4)
    .u16(2, 4)
    .u32(0, 0, 65_535, 1);
  for (const { seconds, micros, bytes, cut } of packets) {
    file.u32(seconds, isNanosecond ? micros * 1000 : micros, bytes.length, bytes.length + cut).raw(bytes);
  }
  return file.array;
}

type PacketBlock = 'enhanced' | 'obsolete';
interface PcapngShape {
  isLittle: boolean;
  kind: PacketBlock;
  /** `if_tsresol`; undefined leaves the option out, which means 6. */
  resolution: number | undefined;
  units: (packet: Packet) => bigint;
  offsetSeconds: bigint;
}

function pcapngSection(packets: readonly Packet[], shape: PcapngShape): Uint8Array {
  const fields = () => new Fields(shape.isLittle);
  const file = fields().block(
    0x0a0d0d0a,
    sectionHeader((isLittle) => new Fields(isLittle), shape.isLittle),
  );
  const description = fields().u16(1, 0).u32(65_535).u16(2, 4).raw(text('eth7'));
  if (shape.resolution !== undefined) description.u16(9, 1).padded(Uint8Array.of(shape.resolution));
  if (shape.offsetSeconds !== 0n) description.u16(14, 8).i64(shape.offsetSeconds);
  file.block(1, description.u32(0)).block(0x0bad, fields().u32(7));
  for (const packet of packets) {
    const units = shape.units(packet);
    const words = [Number(units >> 32n), Number(units & 0xffff_ffffn)];
    const lengths = [packet.bytes.length, packet.bytes.length + packet.cut];
    const body = shape.kind === 'enhanced' ? fields().u32(0) : fields().u16(0, 3);
    file.block(shape.kind === 'enhanced' ? 6 : 2, body.u32(...words, ...lengths).padded(packet.bytes));
  }
  return file.array;
}

const micros = ({ seconds, micros }: Packet) => BigInt(seconds) * 1_000_000n + BigInt(micros);
const shapes: fc.Arbitrary<Omit<PcapngShape, 'isLittle' | 'kind'>> = fc.constantFrom(
  { resolution: undefined, units: micros, offsetSeconds: 0n },
  { resolution: 6, units: micros, offsetSeconds: 0n },
  { resolution: 9, units: (p: Packet) => micros(p) * 1000n, offsetSeconds: 0n },
  { resolution: 12, units: (p: Packet) => (micros(p) % 10n ** 12n) * 1_000_000n, offsetSeconds: 0n },
  // 2^-20 s: µs cannot be said exactly, so such a packet is on a whole second.
  { resolution: 0x80 | 20, units: (p: Packet) => BigInt(p.seconds) << 20n, offsetSeconds: 0n },
  { resolution: 6, units: (p: Packet) => micros(p), offsetSeconds: 1000n },
);
const packet: fc.Arbitrary<Packet> = fc.record({
  seconds: fc.nat(0x7fff_ffff),
  micros: fc.nat(999_999),
  bytes: fc.uint8Array({ maxLength: 90 }),
  cut: fc.nat(2000),
});
const packets = fc.array(packet, { maxLength: 8 });

const shown = ({ atNs, linkType, bytes, wireLength, interfaceName }: CapturedPacket) => ({
  atNs,
  linkType,
  bytes: [...bytes],
  wireLength,
  interfaceName,
});
const expected = ({ bytes, cut }: Packet, atNs: bigint, interfaceName?: string) => ({
  atNs,
  linkType: 1,
  bytes: [...bytes],
  wireLength: bytes.length + cut,
  interfaceName,
});

/** Packets that were delivered, and the fault that ended the file, if any. */
function outcome(
  file: Uint8Array,
  chunkBytes = Number.POSITIVE_INFINITY,
): { packets: number; fault: string | undefined } {
  const reader = new CaptureFileReader();
  let count = 0;
  try {
    for (let at = 0; at < file.length; at += chunkBytes) {
      for (const { bytes, atNs } of reader.push(file.subarray(at, at + chunkBytes))) {
        count++;
        // No `expect`: it would be most of the time of 20,000 files.
        if (bytes.length > 262_144 || BigInt.asIntN(64, atNs) !== atNs) throw new Error('out of bounds');
      }
    }
    reader.end();
    return { packets: count, fault: undefined };
  } catch (error) {
    if (error instanceof BpfleetError && error.code === 'CAPTURE_FILE_CORRUPT')
      return { packets: count, fault: error.message };
    throw error;
  }
}

describe('CaptureFileReader', () => {
  it('reads pcap of both byte orders and both resolutions', () => {
    fc.assert(
      fc.property(packets, fc.boolean(), fc.boolean(), (all, isLittle, isNanosecond) => {
        const read = [...readCapture(pcapFile(all, isLittle, isNanosecond))].map(shown);
        expect(read).toEqual(all.map((one) => expected(one, micros(one) * 1000n)));
      }),
    );
  });

  it('reads pcapng of both byte orders, any resolution and offset, over several sections', () => {
    const section = fc.tuple(packets, fc.boolean(), fc.constantFrom<PacketBlock>('enhanced', 'obsolete'), shapes);
    const nsOf = (one: Packet, { resolution, units, offsetSeconds }: Omit<PcapngShape, 'isLittle' | 'kind'>) => {
      const perSecond = resolution === 0x94 ? 1n << 20n : 10n ** BigInt(resolution ?? 6);
      return (units(one) * 1_000_000_000n) / perSecond + offsetSeconds * 1_000_000_000n;
    };
    fc.assert(
      fc.property(fc.array(section, { minLength: 1, maxLength: 3 }), (sections) => {
        const file = sections.flatMap(([all, isLittle, kind, shape]) => [
          ...pcapngSection(all, { isLittle, kind, ...shape }),
        ]);
        const wanted = sections.flatMap(([all, , , shape]) =>
          all.map((one) => expected(one, nsOf(one, shape), 'eth7')),
        );
        expect([...readCapture(Uint8Array.from(file))].map(shown)).toEqual(wanted);
      }),
    );
  });

  it('gives the same packets whatever the chunks', async () => {
    const all = fc.sample(packet, { numRuns: 12, seed: 4 });
    const file = pcapFile(all, true, true);
    const whole = [...readCapture(file)].map(shown);
    for (const size of [1, 7, 64, 1000]) {
      const chunks = Array.from({ length: Math.ceil(file.length / size) }, (_, i) =>
        file.subarray(i * size, (i + 1) * size),
      );
      const read: unknown[] = [];
      for await (const one of readCaptureStream(chunks)) read.push(shown(one));
      expect(read).toEqual(whole);
    }
  });

  it('goes on with the next packet after a caller stopped in the middle of a chunk', () => {
    const all = [500, 8, 8].map((length) => ({ seconds: 1, micros: 0, bytes: new Uint8Array(length), cut: 0 }));
    const file = pcapFile(all, true, true);
    const reader = new CaptureFileReader();
    const read: CapturedPacket[] = [...reader.push(file.subarray(0, 100))];
    for (const one of reader.push(file.subarray(100))) {
      read.push(one);
      break;
    }
    expect(read).toHaveLength(1);
    read.push(...reader.push(new Uint8Array()));
    expect(read.map(({ bytes }) => [...bytes])).toEqual(all.map(({ bytes }) => [...bytes]));
  });

  it('keeps as much as there is of a record, in however small chunks it comes', () => {
    const reader = new CaptureFileReader();
    const taken = () => {
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      return heapUsed + arrayBuffers;
    };
    // An unknown block of 8 MiB that never ends.
    const start = sectionHeaderBlock().block(0x0bad, new Fields(true)).array;
    new DataView(start.buffer).setUint32(start.length - 8, 8 << 20, true);
    const before = taken();
    expect([...reader.push(start.subarray(0, -4))]).toEqual([]);
    const chunks = Uint8Array.from({ length: 1 << 20 });
    for (let at = 0; at < chunks.length; at++) for (const one of reader.push(chunks.subarray(at, at + 1))) shown(one);
    expect(taken() - before).toBeLessThan(64 << 20);
  });

  it('keeps the names of interfaces only as far as anybody has that many', () => {
    const named = () => new Fields(true).u16(1, 0).u32(0).u16(2, 65_000).raw(new Uint8Array(65_000).fill(0x61));
    const file = (count: number) => {
      const fields = sectionHeaderBlock();
      for (let index = 0; index < count; index++) fields.block(1, named());
      return fields.array;
    };
    expect(outcome(file(16)).fault).toBeUndefined();
    expect(outcome(file(17)).fault).toMatch(/more than 1048576 bytes of names/);
  });

  it('reads simple packet blocks: of interface 0, cut at its snaplen, without a time', () => {
    const description = new Fields(true).u16(113, 0).u32(4);
    const file = sectionHeaderBlock()
      .block(1, description)
      .block(3, new Fields(true).u32(9).raw([1, 2, 3, 4]));
    expect([...readCapture(file.array)].map(shown)).toEqual([
      { atNs: 0n, linkType: 113, bytes: [1, 2, 3, 4], wireLength: 9, interfaceName: undefined },
    ]);
  });

  const one = [{ seconds: 1, micros: 2, bytes: new Uint8Array(60), cut: 0 }];
  const isOne = { isLittle: true, kind: 'enhanced' as const, resolution: 6, units: micros, offsetSeconds: 0n };

  it.each([
    [1, 'in'],
    [2, 'out'],
    [0x1e2, 'out'],
    [0, undefined],
    [3, undefined],
  ])('takes epb_flags %i for direction %s', (flags, direction) => {
    for (const isLittle of [true, false]) {
      const fields = () => new Fields(isLittle);
      const file = fields()
        .block(
          0x0a0d0d0a,
          sectionHeader((little) => new Fields(little), isLittle),
        )
        .block(1, fields().u16(1, 0).u32(0))
        .block(6, fields().u32(0, 0, 0, 3, 3).raw([1, 2, 3, 0]).u16(2, 4).u32(flags, 0));
      expect([...readCapture(file.array)]).toMatchObject([{ bytes: Uint8Array.of(1, 2, 3), direction }]);
    }
  });

  it('reads on behind a packet from after 2262, and tells the last time there is of it', () => {
    const late = { ...isOne, offsetSeconds: 2n ** 34n };
    const file = Uint8Array.from([...pcapngSection(one, late), ...pcapngSection(one, isOne)]);
    expect([...readCapture(file)].map(({ atNs }) => atNs)).toEqual([2n ** 63n - 1n, 1_000_002_000n]);
  });

  it.each([
    [12, 101],
    [14, 101],
    [0x1400_0001, 1],
    [276, 276],
  ])('takes link type field %i for %i', (field, linkType) => {
    const file = new Fields(true).u32(0xa1b2c3d4).u16(2, 4).u32(0, 0, 65_535, field).u32(0, 0, 1, 1).raw([7]);
    expect([...readCapture(file.array)][0]).toMatchObject({ linkType });
  });

  it.each<[string, Uint8Array, number, RegExp]>([
    ['an empty file', new Uint8Array(), 0, /byte 0: the file is empty/],
    ['a file of three bytes', Uint8Array.of(0xd4, 0xc3, 0xb2), 0, /byte 0: too short/],
    ['a file of another kind', text('GIF89a and more'), 0, /byte 0: neither pcap nor pcapng/],
    ['a gzip file', Uint8Array.of(0x1f, 0x8b, 8, 0, 0), 0, /gzip/],
    ['pcap of another version', pcapFile(one, true, true).with(4, 9), 0, /byte 4: pcap version 9/],
    [
      'a pcap record that is cut',
      pcapFile([...one, ...one], true, true).slice(0, -1),
      1,
      /byte 100: the file ends after 75 of 76/,
    ],
    [
      'a pcap record header that is cut',
      pcapFile([...one, ...one], true, true).slice(0, 110),
      1,
      /byte 100: the file ends after 10 of 16/,
    ],
    ['a huge pcap record', pcapFile(one, true, true).with(35, 0x7f), 0, /byte 24: a packet of \d+ bytes/],
    ['a huge pcapng block', pcapngSection(one, isOne).with(7, 0x7f), 0, /byte 0: block length/],
    [
      'a block whose lengths differ',
      pcapngSection(one, isOne).with(24, 0),
      0,
      /byte 0: block length 28 at its start, 0 at its end/,
    ],
    ['no byte order magic', pcapngSection(one, isOne).with(8, 0), 0, /byte 8: no byte order magic/],
    ['pcapng of another version', pcapngSection(one, isOne).with(12, 2), 0, /pcapng version 2/],
    ['an unknown interface', pcapngSection(one, isOne).with(84 + 8, 1), 0, /interface 1 of 1/],
    ['times before 1970', pcapngSection(one, { ...isOne, offsetSeconds: -9n }), 0, /before 1970/],
  ])('refuses %s, naming the byte', (_, file, before, message) => {
    expect(outcome(file)).toEqual({ packets: before, fault: expect.stringMatching(message) });
  });

  it('delivers or refuses any mutation, and delivers the same in chunks', () => {
    const all = fc.sample(packet, { numRuns: 4, seed: 9 });
    const files = [
      pcapFile(all, true, false),
      pcapFile(all, false, true),
      pcapngSection(all, isOne),
      pcapngSection(all, { ...isOne, isLittle: false }),
    ];
    const edits = fc.array(fc.tuple(fc.nat(600), fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 0x7f, 0xff))), {
      minLength: 1,
      maxLength: 5,
    });
    fc.assert(
      fc.property(
        fc.constantFrom(...files),
        edits,
        fc.integer({ min: 1, max: 300 }),
        fc.nat(600),
        (file, changes, chunkBytes, length) => {
          const bytes = file.slice(0, file.length - (length % 50));
          for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
          expect(outcome(bytes, chunkBytes)).toEqual(outcome(bytes));
        },
      ),
      { numRuns: 10_000 },
    );
  }, 60_000);
});
