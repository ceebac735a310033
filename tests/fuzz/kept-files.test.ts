import { SectionWriter } from '@bpfleet/section';
import { PrivateKey } from '@bpfleet/service';
import { describe } from 'vitest';
import { KeptTimes, MOST_KEPT } from '../../apps/capture-agent/src/capture/ring/kept-times.js';
import { type LeftSection, OpenSection } from '../../apps/capture-agent/src/capture/sections/open-section.js';
import { recoverSection } from '../../apps/capture-agent/src/capture/sections/recover-section.js';
import { noAmount } from '../../apps/capture-agent/src/spool/amount.js';
import { decodeHeader, encodeHeader } from '../../apps/capture-agent/src/spool/record-header.js';
import { checksumOf, sessionKeyIn, sessionKeyText } from '../../apps/capture-agent/src/spool/session-key-file.js';
import { MARKS_BYTES, type Marks, noMarks, SpoolMarks } from '../../apps/capture-agent/src/spool/spool-marks.js';
import type { Random } from '../conformance/random.js';
import { itReadsOrRefuses } from './reads-or-refuses.js';

/**
 * Mapped files have one size, and most of it is room: inputs are the pieces that say something, one behind the other, so that
 * what is damaged is one of them.
 */
class Pieces {
  constructor(
    private readonly sizeBytes: number,
    /** Offset and length of each; the last takes what is left. */
    private readonly places: readonly (readonly [at: number, lengthBytes: number])[],
  ) {}

  of(memory: ArrayBuffer): Uint8Array {
    return Buffer.concat(this.places.map(([at, length]) => new Uint8Array(memory, at, length)));
  }

  toMemory(input: Uint8Array): ArrayBuffer {
    const memory = new ArrayBuffer(this.sizeBytes);
    let from = 0;
    for (const [at, length] of this.places) {
      new Uint8Array(memory, at, length).set(input.subarray(from, from + length));
      from += length;
    }
    return memory;
  }
}

const expectCounts = (what: string, numbers: readonly number[]): void => {
  if (!numbers.every((number) => Number.isSafeInteger(number) && number >= 0))
    throw new RangeError(`${what} ${numbers.join(' ')}`);
};

describe('an open section', () => {
  const origin = { hardware: 'x86_64', operatingSystem: 'Linux', application: 'bpfleet' };
  const facts = { agent: 'host-1', boot: 1, closedAtMs: 0 };
  const CAPACITY_BYTES = 2048;
  const memory = (): ArrayBuffer => new ArrayBuffer(OpenSection.sizeBytes(CAPACITY_BYTES));
  /** Words and the first positions, both banks of what was told, blocks. */
  const pieces = (blocksAt: number, blocksBytes: number) =>
    new Pieces(OpenSection.sizeBytes(CAPACITY_BYTES), [
      [0, 22 * 8],
      [496 * 8, 8 * 8],
      [4096 + blocksAt, blocksBytes],
    ]);

  const kept = memory();
  const open = new OpenSection(kept);
  open.take(98);
  open.enter(7, 3, 2, 0);
  open.take(99);
  const writer = new SectionWriter({ ...origin, capacityBytes: CAPACITY_BYTES, ledgerBytes: 256, buffer: open.buffer });
  writer.begin();
  const blocksAt = writer.endBytes;
  open.begin(6, blocksAt, { kept: 30, taken: 31, dropped: 0 });
  open.begin(7, blocksAt, { kept: 40, taken: 41, dropped: 1 });
  writer.addInterface({ name: 'eth0', linkType: 1, description: 'web@3,dns@1' });
  open.enter(12, 9, 0, 41);
  for (let packets = 1; packets <= 3; packets++) {
    writer.append(0, 1_700_000_000, packets, new Uint8Array(64), 0, 20 * packets, 64, undefined, 0);
    open.commit(writer.endBytes, packets);
  }
  open.read(1_700_000_001_000);
  open.leftOut({ dropped: 3, sampledOut: 1, overBudget: 0 });
  const layout = pieces(blocksAt, writer.endBytes - blocksAt);

  /** What the next process makes of it: figures are counts, and what goes into the spool can be read there. */
  function read(input: Uint8Array): boolean {
    const found = layout.toMemory(input);
    const left = new OpenSection(found).left();
    const isWhole = left?.isReadable === true && isRecovered(left);
    const next = new OpenSection(found);
    next.take(100);
    const after = next.left();
    if (!after?.isReadable || after.areFiguresDamaged || after.taken !== 0) throw new RangeError('is damaged again');
    for (const positions of [left?.positions ?? [], after.positions])
      for (const { socket, blockSequence, packets } of positions)
        expectCounts('position', [socket, blockSequence, packets]);
    return isWhole;
  }

  function isRecovered(left: LeftSection): boolean {
    const { epoch, seq, taken, told, readAtMs, leftOut } = left;
    const { record, kept, lost, damaged } = recoverSection(left, undefined, origin, facts);
    expectCounts('figures', [
      epoch,
      seq,
      taken,
      readAtMs,
      kept,
      lost,
      ...Object.values(told),
      ...Object.values(leftOut),
    ]);
    if (Number.isNaN(new Date(readAtMs).getTime())) throw new RangeError(`read at ${readAtMs}`);
    if (record !== undefined && decodeHeader(encodeHeader(record.header)) === undefined)
      throw new RangeError(`${encodeHeader(record.header)} is no header`);
    return damaged === noAmount;
  }

  itReadsOrRefuses({ name: 'open sections', valid: [layout.of(kept)], read, refusals: [] });
});

describe('kept times', () => {
  const ROWS = 4;
  const layout = new Pieces(KeptTimes.sizeBytes, [
    [0, ROWS * 3 * 8],
    [MOST_KEPT * 3 * 8, ROWS * 8],
  ]);
  const memory = new ArrayBuffer(KeptTimes.sizeBytes);
  const times = new KeptTimes(memory);
  times.keep(7, { fromMs: 1_700_000_000_000.5, untilMs: Number.POSITIVE_INFINITY });
  times.keep(9, { fromMs: 0, untilMs: 1_700_000_000_000.5 });
  times.keepCut(9, 3);
  times.keepCut(11, 5);

  /** A packet is decided by each of them: it is before, between or behind. @returns whether all rows are taken */
  function read(input: Uint8Array): boolean {
    const found = layout.toMemory(input);
    const sockets = Array.from({ length: ROWS }, (_, row) => new Float64Array(found)[3 * row]!);
    const kept = new KeptTimes(found);
    for (const socket of sockets) {
      const { fromMs, untilMs } = kept.of(socket);
      if (!(fromMs >= 0 && fromMs < Number.POSITIVE_INFINITY && untilMs >= 0))
        throw new RangeError(`${socket} from ${fromMs} until ${untilMs}`);
    }
    const left = Array.from({ length: ROWS }, (_, row) => new Float64Array(found)[3 * row]!);
    expectCounts('sockets', left);
    kept.keep(77, { fromMs: 5, untilMs: 6 });
    if (new KeptTimes(found).of(77).untilMs !== 6) throw new RangeError('takes no more');
    return left.every((socket, row) => socket === sockets[row]);
  }

  itReadsOrRefuses({ name: 'kept times', valid: [layout.of(memory)], read, refusals: [] });
});

describe('marks of a spool', () => {
  const amount = { sections: 3, packets: 40, bytes: 700 };
  const marks: Marks = {
    ...noMarks,
    ...{
      done: { segment: 3, offset: 700 },
      evictedFrom: { segment: 4, offset: 1 },
      evictedTo: { segment: 5, offset: 9 },
    },
    ...{ sent: amount, evicted: amount, evictedOf: new Map([[99, amount]]) },
    seen: { end: { segment: 6, offset: 300 }, waiting: amount, epoch: 99, seq: 7, inMemory: amount, memoryEpoch: 98 },
  };
  const told = (one: Marks): string => JSON.stringify({ ...one, evictedOf: [...one.evictedOf] });
  const steps = [noMarks, marks, { ...marks, done: marks.evictedTo }];
  const memory = new ArrayBuffer(MARKS_BYTES);
  const words = new SpoolMarks(memory);
  const layout = new Pieces(MARKS_BYTES, [
    [0, 2 * 8],
    [8 * 8, 20 * 8],
    [118 * 8, 12 * 8],
    [136 * 8, 20 * 8],
    [246 * 8, 12 * 8],
  ]);
  const valid = steps.map((step) => {
    words.write(step);
    return layout.of(memory);
  });

  /** What is taken for marks is what was written, or nothing is known. */
  function read(input: Uint8Array): boolean {
    const found = new SpoolMarks(layout.toMemory(input));
    const text = told(found.read());
    if (!steps.some((step) => told(step) === text)) throw new RangeError(text);
    return !found.areNew;
  }

  itReadsOrRefuses({ name: 'marks', valid, read, refusals: [] });
});

describe('a session key', () => {
  const session = { key: PrivateKey.generate(), delegation: '{"payload":"…"}' };
  const valid = sessionKeyText(session);

  /** As if it had been written so: what only the checksum would refuse is read as well. */
  function sealed(text: string): string {
    try {
      const { privateKey, delegation } = JSON.parse(text);
      return JSON.stringify({ privateKey, delegation, crc32: checksumOf(privateKey, delegation) });
    } catch {
      return text;
    }
  }

  /** What is taken for a key signs; what was not sealed is what was written. */
  function read(input: Uint8Array, random: Random): boolean {
    const text = Buffer.from(input).toString();
    const isSealed = random.below(2) === 0;
    const found = sessionKeyIn(isSealed ? sealed(text) : text);
    if (found === undefined) return false;
    if (!isSealed && sessionKeyText(found) !== valid) throw new RangeError(`${text} is another one`);
    if (found.key.sign(input).length !== 64) throw new RangeError('signs with something else');
    return true;
  }

  itReadsOrRefuses({ name: 'session keys', valid: [Buffer.from(valid)], read, refusals: [] });
});
