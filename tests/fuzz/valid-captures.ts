import { PcapngExport, SectionWriter } from '@bpfleet/section';

const frame = (length: number) => Uint8Array.from({ length }, (_, index) => (index * 7) & 0xff);
const text = (string: string) => [...new TextEncoder().encode(string)];

/** Numbers in one byte order. */
class Writer {
  readonly bytes: number[] = [];
  constructor(readonly isLittle: boolean) {}

  u16(...numbers: readonly number[]): this {
    return this.#put(2, numbers);
  }
  u32(...numbers: readonly number[]): this {
    return this.#put(4, numbers);
  }
  raw(bytes: Iterable<number>): this {
    this.bytes.push(...bytes);
    return this;
  }
  padded(bytes: ArrayLike<number>): this {
    return this.raw(Array.from(bytes)).raw(new Uint8Array(-bytes.length & 3));
  }
  block(type: number, body: Writer): this {
    const length = body.bytes.length + 12;
    return this.u32(type, length).raw(body.bytes).u32(length);
  }

  #put(size: number, numbers: readonly number[]): this {
    for (const number of numbers) {
      const bytes = Array.from({ length: size }, (_, index) => (number >>> (8 * index)) & 0xff);
      this.bytes.push(...(this.isLittle ? bytes : bytes.reverse()));
    }
    return this;
  }
}

/** Classic pcap: µs or ns, either byte order. */
export function pcapFile(isLittle: boolean, magic: number): Uint8Array {
  const file = new Writer(isLittle).u32(magic).u16(2, 4).u32(0, 0, 65_535, 1);
  for (const length of [60, 0, 131]) file.u32(1_700_000_000, 7, length, length + 9).raw(frame(length));
  return Uint8Array.from(file.bytes);
}

/** Two sections with everything that other programs write: options, all kinds of packet blocks, a block that nobody knows. */
export function pcapngFile(isLittle: boolean): Uint8Array {
  const part = () => new Writer(isLittle);
  const file = part();
  for (const resolution of [6, 0x94]) {
    file.block(
      0x0a0d0d0a,
      part().u32(0x1a2b3c4d).u16(1, 0).u32(0xffff_ffff, 0xffff_ffff).u16(4, 5).padded(text('other')),
    );
    const named = part().u16(1, 0).u32(100).u16(2, 4).padded(text('eth7')).u16(9, 1).padded([resolution]);
    file.block(1, named.u16(14, 8).u32(1, 0).u32(0)).block(1, part().u16(101, 0).u32(0));
    file.block(6, part().u32(0, 1, 2, 60, 90).padded(frame(60)).u16(2, 4).u32(1).u32(0));
    file.block(2, part().u16(1, 3).u32(1, 2, 31, 31).padded(frame(31)));
    file.block(3, part().u32(70).padded(frame(70))).block(0x0bad, part().u32(7));
    file.block(5, part().u32(0, 1, 2).u16(4, 8).u32(9, 0).u32(0));
  }
  return Uint8Array.from(file.bytes);
}

/** As agents write them: with filters, weights, directions, tags, flags, statistics and a ledger. */
export function section(): Uint8Array {
  const writer = new SectionWriter({ hardware: 'x86_64', application: 'bpfleet', capacityBytes: 32_768 });
  writer.begin();
  writer.addInterface({ name: 'eth0', linkType: 1 });
  const filters = { description: 'web@3,dns@1', filter: '(tcp) or (udp)', digests: 'sha256:0,sha256:1' };
  writer.addInterface({ name: 'eth0', linkType: 1, ...filters, samplingWeights: [1, 16], direction: 'out' });
  for (let index = 0; index < 5; index++) {
    const tag = index === 3 ? { tpid: 0x8100, tci: 5 } : undefined;
    writer.append(index % 2, 1_700_000_000 + index, index, frame(70), index, 60, 60 + index, tag, index % 3);
  }
  writer.addStatistics(0, { received: 7, dropped: 2, delivered: 5 });
  return writer.finish({ seen: '7', stored: '5' }).slice();
}

/** As the API gives it out. */
export function exportedFile(): Uint8Array {
  const file = new PcapngExport({ application: 'bpfleet' });
  return Uint8Array.from(file.header([{ name: 'eth0', linkType: 1, description: 'web@3' }]));
}
