import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PacketsRig, SECOND_NS } from '../testing/packets-rig.js';
import { NOW_NS, tcpFrame } from '../testing/sections.js';
import { HELD_BYTES } from './config.js';

describe('PacketsService: sections that overlap and do not fit into memory', () => {
  const SECTIONS = 160;
  const PACKETS = 200;
  /** Every section spans the same minute; two of five packets match. */
  const atNs = (section: number, index: number) => NOW_NS - 60n * SECOND_NS + BigInt(index * 1_000_000 + section);
  const isAsked = (index: number) => index % 5 < 2;
  const bytesOf = (section: number, index: number): Uint8Array => {
    const mark = section * PACKETS + index;
    const bytes = new Uint8Array(1000).fill(mark);
    bytes.set(tcpFrame(mark, isAsked(index) ? 80 : 81));
    return bytes;
  };
  const made = new PacketsRig();
  beforeAll(() => {
    for (let section = 0; section < SECTIONS; section++) {
      const packet = (_: unknown, index: number) => ({ atNs: atNs(section, index), bytes: bytesOf(section, index) });
      made.store({ atNs: [], packets: Array.from({ length: PACKETS }, packet) });
    }
    const bytes = made.source.stored.reduce((sum, { body }) => sum + body.length, 0);
    expect(bytes).toBeGreaterThan(1.5 * HELD_BYTES);
  });
  let rig: PacketsRig;
  beforeEach(() => {
    rig = new PacketsRig();
    rig.source.stored.push(...made.source.stored);
  });
  const expected = Array.from({ length: PACKETS }, (_, index) => index)
    .filter(isAsked)
    .flatMap((index) => Array.from({ length: SECTIONS }, (_, section) => ({ section, index })));

  it('writes each packet once, in order, with its own bytes', async () => {
    const { packets, completeness } = await rig.file({ filter: 'tcp dst port 80' });
    expect(rig.source.readAgain).toBeGreaterThan(0);
    expect(packets.map((packet) => packet.atNs)).toEqual(expected.map(({ section, index }) => atNs(section, index)));
    const differs = packets.findIndex(({ bytes }, at) => {
      const { section, index } = expected[at]!;
      return Buffer.compare(bytes, bytesOf(section, index)) !== 0;
    });
    expect(differs).toBe(-1);
    // What is read again is not counted again.
    expect(completeness).toMatchObject({
      ...{ sectionsScanned: SECTIONS, packetsScanned: SECTIONS * PACKETS, rangeScanned: true },
    });
  });
  it('gives each as a row once, the newest first', async () => {
    const { packets, completeness } = await rig.rows({ filter: 'tcp dst port 80', limit: 100_000 });
    expect(rig.source.readAgain).toBeGreaterThan(0);
    expect(packets.map(({ id }) => id)).toEqual(
      expected.toReversed().map(({ section, index }) => `host-1.1.${section}.${index}`),
    );
    expect(completeness).toMatchObject({ packetsScanned: SECTIONS * PACKETS, rangeScanned: true });
  });
});
