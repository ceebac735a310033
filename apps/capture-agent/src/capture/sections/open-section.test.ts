import { FakeRing } from '@bpfleet/linux';
import { forEachPacket, readSection, SectionWriter } from '@bpfleet/section';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { Attribution } from '../attribution/attribution.js';
import { MemberLedger } from '../attribution/member-ledger.js';
import { memberOf } from '../attribution/testing/member.js';
import { RingLane } from '../ring/ring-lane.js';
import { RingPacket } from '../ring/ring-packet.js';
import { completed, type LeftSection, NOTHING_TOLD, OpenSection } from './open-section.js';
import { SectionAssembler } from './section-assembler.js';

const origin = { hardware: 'x86_64', operatingSystem: 'Linux', application: 'bpfleet' };
const CAPACITY_BYTES = 80 * 1024;
/** `eth1` and so on, by their indexes. */
const device = (index: number) => ({ name: `eth${index}`, index, linkType: 'EN10MB', cooked: false });

/** Of each packet the number in its first bytes, and where it was seen. */
function marksIn(section: Uint8Array): string[] {
  const marks: string[] = [];
  const { interfaces } = readSection(section);
  forEachPacket(section, ({ interfaceId, start }) => {
    marks.push(`${(section[start]! << 8) | section[start + 1]!} on ${interfaces[interfaceId]!.name}`);
    return true;
  });
  return marks;
}

/** A frame of so many bytes that begins with its number. */
function frame(mark: number, lengthBytes: number, interfaceIndex = 1): Parameters<FakeRing['push']>[0][number] {
  const bytes = new Uint8Array(lengthBytes);
  bytes.set([mark >> 8, mark & 0xff]);
  return { bytes, interfaceIndex };
}

/** One agent process: reads a ring into sections until it is killed. */
class Process {
  readonly #packet = new RingPacket();
  readonly lane: RingLane;
  readonly assembler: SectionAssembler;
  left: number;

  constructor(memory: ArrayBuffer, spool: Spool, ring: FakeRing, epoch: number, killedAfter: number, interfaces = 1) {
    this.left = killedAfter;
    const open = new OpenSection(memory);
    const before = open.left();
    if (before?.isReadable) spool.recover(before);
    open.take(epoch);
    const writer = new SectionWriter({ ...origin, capacityBytes: CAPACITY_BYTES, buffer: open.buffer });
    const sink = { write: ({ seq, bytes }: { seq: number; bytes: Uint8Array }) => spool.write(epoch, seq, bytes) };
    this.assembler = new SectionAssembler(writer, sink, () => ({ kernelPassed: 0, kernelDropped: 0, taken: 0 }), open);
    const source = before === undefined ? ring : ring.resumed();
    const socket = {
      fd: 0,
      ring: source,
      statistics: () => ({ passed: 0, dropped: 0 }),
      takeError: () => undefined,
      close: () => {},
    };
    const resume = before?.positions.find(({ socket }) => socket === 1);
    const isShared = interfaces > 1;
    this.lane = new RingLane({ id: 1, isShared, cooked: false, isOwnSocket: true }, socket, resume);
    for (let index = 1; index <= interfaces; index++) {
      const attribution = new Attribution([memberOf('all', '')], new MemberLedger().accountsOn(`eth${index}`));
      attribution.trustsKernel = true;
      this.lane.interfaces.put(device(index), attribution);
    }
  }

  /** Reads everything, or until it is killed: between any two packets, or before a block is given back. */
  run(): void {
    const { socket, interfaces, place } = this.lane;
    const { ring } = socket;
    for (let block = ring.take(); block; block = ring.take()) {
      this.lane.begin(block);
      this.assembler.enter(place);
      this.#packet.block = block;
      while (block.next()) {
        if (this.left-- === 0) return;
        const lane = interfaces.isShared ? interfaces.of(block.interfaceIndex) : interfaces.only;
        this.assembler.take(lane, this.#packet, lane.attribution.attribute(this.#packet), false, 0);
      }
      if (this.left-- === 0) return;
      ring.release();
    }
  }
}

/** What is left when the process is killed behind each of the stores. */
function afterEachStore(memory: ArrayBuffer, step: (open: OpenSection) => void): ReturnType<OpenSection['left']>[] {
  const left: ReturnType<OpenSection['left']>[] = [];
  const Words = Float64Array;
  const recording: ProxyHandler<Float64Array> = {
    get: (words, key) => {
      const value: unknown = Reflect.get(words, key);
      return typeof value === 'function' ? value.bind(words) : value;
    },
    set: (words, key, value) => {
      const isSet = Reflect.set(words, key, value);
      left.push(new OpenSection(memory).left());
      return isSet;
    },
  };
  const construct = (_: unknown, place: [ArrayBuffer, number, number]): Float64Array =>
    place.length === 3 ? new Proxy(new Words(...place), recording) : new Words(...place);
  vi.stubGlobal('Float64Array', new Proxy(Words, { construct }));
  try {
    step(new OpenSection(memory));
  } finally {
    vi.unstubAllGlobals();
  }
  expect(left).not.toEqual([]);
  return left;
}

class Spool {
  readonly records: { epoch: number; seq: number; bytes: Uint8Array }[] = [];

  write(epoch: number, seq: number, bytes: Uint8Array): void {
    this.records.push({ epoch, seq, bytes: bytes.slice() });
  }

  recover(left: LeftSection): void {
    const last = this.records.at(-1);
    if (last?.epoch === left.epoch && last.seq >= left.seq) return;
    const section = completed(left, origin, () => ({}));
    if (section) this.write(left.epoch, left.seq, section.bytes);
  }
}

describe('OpenSection', () => {
  it.each([
    ['one interface', 1, 1],
    // Packets of a fourth one pass while its filters are taken off.
    ['three interfaces that share a ring', 3, 4],
  ])('loses and doubles no packet of %s, whenever the process is killed', (_, interfaces, seen) => {
    const blocks = fc.array(fc.array(fc.integer({ min: 20, max: 1400 }), { maxLength: 40 }), { maxLength: 12 });
    fc.assert(
      fc.property(fc.array(fc.record({ blocks, killedAfter: fc.nat(200) }), { maxLength: 6 }), (rounds) => {
        const memory = new ArrayBuffer(OpenSection.sizeBytes(CAPACITY_BYTES));
        const ring = new FakeRing({ blockBytes: 1 << 16, blockCount: 64 });
        const spool = new Spool();
        let mark = 0;
        let epoch = 0;
        for (const { blocks: pushed, killedAfter } of rounds) {
          for (const lengths of pushed) ring.push(lengths.map((length) => frame(mark, length, 1 + (mark++ % seen))));
          new Process(memory, spool, ring, ++epoch, killedAfter, interfaces).run();
        }
        const last = new Process(memory, spool, ring, ++epoch, Number.POSITIVE_INFINITY, interfaces);
        last.run();
        last.assembler.close();
        const marks = spool.records.flatMap(({ bytes }) => marksIn(bytes));
        const all = Array.from({ length: mark }, (_, number) => ({ number, on: 1 + (number % seen) }));
        const kept = all.filter(({ on }) => on <= interfaces);
        expect(marks).toEqual(kept.map(({ number, on }) => `${number} on eth${on}`));
      }),
      { numRuns: 300 },
    );
  });

  it('counts as read what is taken, and goes on behind what is left to another socket too', () => {
    const memory = new ArrayBuffer(OpenSection.sizeBytes(CAPACITY_BYTES));
    const ring = new FakeRing({ blockBytes: 1 << 16, blockCount: 64 });
    ring.push(Array.from({ length: 5 }, (_, mark) => frame(mark, 60)));
    const process = new Process(memory, new Spool(), ring, 1, 3);
    process.lane.interfaces.end(0);
    process.run();
    process.lane.interfaces.end(Number.POSITIVE_INFINITY);
    const next = () => new OpenSection(memory).left();
    expect(next()).toMatchObject({ taken: 0, positions: [{ socket: 1, blockSequence: 1, packets: 3 }] });
    const heir = new Process(memory, new Spool(), ring, 2, 1);
    heir.run();
    expect(next()).toMatchObject({ taken: 1, positions: [{ packets: 4 }] });
  });

  it('keeps what the kernel has told once, until another epoch begins', () => {
    const memory = new ArrayBuffer(OpenSection.sizeBytes(CAPACITY_BYTES));
    const open = new OpenSection(memory);
    open.take(7);
    open.read(1_000);
    open.leftOut({ dropped: 12, sampledOut: 3, overBudget: 4 });
    const leftOut = { dropped: 12, sampledOut: 3, overBudget: 4 };
    expect(new OpenSection(memory).left()).toMatchObject({ readAtMs: 1_000, leftOut });
    open.take(8);
    expect(new OpenSection(memory).left()).toMatchObject({
      ...{ readAtMs: 1_000, leftOut: { dropped: 0, sampledOut: 0, overBudget: 0 } },
    });
  });

  it('knows what sections have told, whichever of their stores was the last', () => {
    const memory = new ArrayBuffer(OpenSection.sizeBytes(CAPACITY_BYTES));
    const open = new OpenSection(memory);
    open.take(7);
    const figures = (kept: number) => ({ kept, taken: 2 * kept, dropped: kept });
    const words = new Float64Array(memory, 0, 512);
    for (let seq = 1; seq < 5; seq++) {
      open.begin(seq, 100, figures(10 * seq));
      expect(open.left()).toMatchObject({ seq, told: figures(10 * seq) });
      // A packet of this section, and the next one's figures: the kill came before it began.
      open.commit(200, 1);
      const before = words.slice();
      open.begin(seq + 1, 100, figures(10 * seq + 10));
      const after = words.slice();
      words.set(before);
      for (const [at, word] of after.entries()) if (at >= 496) words[at] = word;
      expect(open.left()).toMatchObject({ seq, told: figures(10 * seq) });
      // Its packets are gone, and its number is not there yet.
      open.commit(100, 0);
      expect(open.left()).toMatchObject({ seq, told: figures(10 * seq + 10) });
    }
  });

  it('knows how many packets were taken', () => {
    const memory = new ArrayBuffer(OpenSection.sizeBytes(CAPACITY_BYTES));
    const ring = new FakeRing({ blockBytes: 1 << 16, blockCount: 4 });
    ring.push([frame(1, 60), frame(2, 60)]);
    ring.push([frame(3, 60), frame(4, 60)]);
    new Process(memory, new Spool(), ring, 7, 4).run();
    expect(new OpenSection(memory).left()).toMatchObject({
      epoch: 7,
      seq: 0,
      taken: 3,
      positions: [{ socket: 1, blockSequence: 2, packets: 1 }],
    });
  });

  it('has nothing in a new file, and nothing readable in one of something else', () => {
    const memory = new ArrayBuffer(OpenSection.sizeBytes(CAPACITY_BYTES));
    expect(new OpenSection(memory).left()).toBeUndefined();
    new Uint8Array(memory).fill(0xff);
    expect(new OpenSection(memory).left()).toEqual({ isReadable: false, readAtMs: 0, positions: [] });
  });

  it('has a whole section after each store of one, and takes that of an agent that makes no check', () => {
    const memory = new ArrayBuffer(OpenSection.sizeBytes(CAPACITY_BYTES));
    const steps = [
      (open: OpenSection) => open.take(7),
      (open: OpenSection) => open.begin(0, 100, NOTHING_TOLD),
      (open: OpenSection) => open.enter(1, 5, 3, 0),
      (open: OpenSection) => open.commit(200, 4),
      (open: OpenSection) => open.leave(200, 5),
      (open: OpenSection) => open.begin(1, 100, { kept: 1, taken: 1, dropped: 2 }),
      (open: OpenSection) => open.enter(1, 6, 0, 1),
      (open: OpenSection) => open.take(8),
      (open: OpenSection) => open.begin(0, 100, NOTHING_TOLD),
    ];
    for (const step of steps) {
      for (const left of afterEachStore(memory, step)) {
        // Of a new file the magic is the last.
        if (left !== undefined) expect(left).toMatchObject({ isReadable: true, areFiguresDamaged: false });
      }
    }
    const words = new Float64Array(memory, 0, 512);
    [words[499], words[503]] = [0, 0];
    expect(new OpenSection(memory).left()).toMatchObject({ isReadable: true, epoch: 8 });
  });
});
