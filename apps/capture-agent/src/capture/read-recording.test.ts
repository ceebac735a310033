import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LinkType } from '@bpfleet/packet';
import { PcapngExport } from '@bpfleet/section';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { collectGarbage } from '../guest/collect-garbage.js';
import { packetsOf, readRecording } from './read-recording.js';

const WHOLE = readFileSync(
  fileURLToPath(new URL('../../../../tests/fixtures/first-five-minutes.pcap', import.meta.url)),
);
const FILE_HEADER_BYTES = 24;

describe('readRecording', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bpfleet-recording-'));
    file = join(folder, 'traffic.pcap');
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const read = (bytes: Uint8Array) => {
    writeFileSync(file, bytes);
    return readRecording(file);
  };

  async function numberOf(packets: AsyncIterable<unknown>): Promise<number> {
    let count = 0;
    for await (const _ of packets) count++;
    return count;
  }

  /** A file of packets of 20 bytes. */
  function writeEqual(packets: number): void {
    const record = Buffer.alloc(16 + 20);
    record.writeUInt32LE(20, 8);
    record.writeUInt32LE(20, 12);
    writeFileSync(file, Buffer.concat([WHOLE.subarray(0, FILE_HEADER_BYTES), Buffer.alloc(36 * packets, record)]));
  }

  it('has all packets of a whole file', async () => {
    const recording = await read(WHOLE);
    expect(recording).toMatchObject({ file, linkTypes: [1], cut: undefined });
    expect(recording.packets).toBeGreaterThan(100);
    expect(await numberOf(packetsOf(recording))).toBe(recording.packets);
  });

  it.each([
    ['its last byte', 1],
    ['most of its last record', 50],
  ])(
    'has every packet before the end of a file without %s, and says what is wrong with which file',
    async (_, missing) => {
      const whole = (await read(WHOLE)).packets;
      const recording = await read(WHOLE.subarray(0, WHOLE.length - missing));
      const { packets, cut } = recording;
      expect(packets).toBe(whole - 1);
      expect(await numberOf(packetsOf(recording))).toBe(packets);
      expect(cut).toContain(`${file}: capture file, byte `);
      expect(cut).toMatch(
        new RegExp(`the file ends after \\d+ of \\d+ bytes of a record; the ${whole - 1} packets before`),
      );
    },
  );

  it('refuses a file in which nothing is whole', async () => {
    for (const length of [0, 3, 10, FILE_HEADER_BYTES + 10])
      await expect(read(WHOLE.subarray(0, length))).rejects.toMatchObject({
        ...{ code: 'CAPTURE_FILE_CORRUPT', message: expect.stringContaining(file), hint: expect.any(String) },
      });
  });

  it('refuses one that is broken before its end, with its name and what to do', async () => {
    const broken = Uint8Array.from(WHOLE);
    broken.fill(0xff, FILE_HEADER_BYTES + 8, FILE_HEADER_BYTES + 16);
    await expect(read(broken)).rejects.toMatchObject({
      ...{
        code: 'CAPTURE_FILE_CORRUPT',
        message: expect.stringContaining(file),
        hint: expect.stringContaining('pcapfix'),
      },
    });
  });

  const pcapng99 = new PcapngExport().header();
  it.each([
    ['is empty', WHOLE.subarray(0, 0), 'record it again'],
    ['ends before its first packet does', WHOLE.subarray(0, FILE_HEADER_BYTES + 10), 'record it again'],
    ['is of a version of pcap that is not known', Uint8Array.from(WHOLE).with(4, 99), 'save it as pcapng'],
    ['is of a version of pcapng that is not known', pcapng99.with(12, 99), 'save it as pcapng'],
  ])('does not advise to repair one that %s', async (_, bytes, hint) => {
    await expect(read(bytes)).rejects.toMatchObject({
      ...{ code: 'CAPTURE_FILE_CORRUPT', hint: expect.stringContaining(hint) },
    });
  });

  it('refuses one that is not there', async () => {
    await expect(readRecording(file)).rejects.toMatchObject({
      ...{ code: 'FILE_UNREADABLE', message: expect.stringContaining(file), hint: expect.any(String) },
    });
  });

  it('refuses what cannot be read twice', async () => {
    await expect(readRecording(folder)).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
    execFileSync('mkfifo', [file]);
    await expect(readRecording(file)).rejects.toMatchObject({ message: expect.stringContaining('no regular file') });
  });

  it('has no packets that were written behind those it found, and says that some are gone', async () => {
    const recording = await read(WHOLE);
    writeFileSync(file, WHOLE.subarray(FILE_HEADER_BYTES), { flag: 'a' });
    expect(await numberOf(packetsOf(recording))).toBe(recording.packets);
    writeFileSync(file, WHOLE.subarray(0, FILE_HEADER_BYTES));
    await expect(numberOf(packetsOf(recording))).rejects.toMatchObject({
      ...{ code: 'FILE_UNREADABLE', message: expect.stringContaining(`${recording.packets} of its `) },
    });
  });

  it('takes the same memory for files of any size', async () => {
    const packets = 1_000_000;
    // What other tests left in this thread's heap, and what reading leaves behind for the next collection, is nobody's.
    const taken = (): number => {
      // Array buffers that one collection finds are given back before the next.
      collectGarbage();
      collectGarbage();
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      return heapUsed + arrayBuffers;
    };
    writeEqual(packets);
    const before = taken();
    const recording = await readRecording(file);
    let [most, count] = [taken(), 0];
    for await (const _ of packetsOf(recording)) if (++count % 100_000 === 0) most = Math.max(most, taken());
    expect(count).toBe(packets);
    expect(most - before).toBeLessThan(8 << 20);
  }, 30_000);

  it('takes files of more than 2 GiB', async () => {
    const [blockBytes, blocks] = [1 << 20, 2100];
    const ofUnknown = Buffer.from(Uint32Array.of(0x0bad, blockBytes).buffer);
    const simplePacket = Buffer.from(Uint32Array.of(3, 20, 4, 0, 20).buffer);
    const header = new PcapngExport().header([{ name: 'eth0', linkType: LinkType.EN10MB }]);
    writeFileSync(file, header);
    const handle = openSync(file, 'r+');
    // Blocks that no reader knows, with holes in them: the disk has only their ends.
    for (let at = header.length; at < header.length + blocks * blockBytes; at += blockBytes) {
      writeSync(handle, ofUnknown, 0, 8, at);
      writeSync(handle, ofUnknown, 4, 4, at + blockBytes - 4);
    }
    writeSync(handle, simplePacket, 0, simplePacket.length, header.length + blocks * blockBytes);
    closeSync(handle);
    expect(statSync(file).size).toBeGreaterThan(2 ** 31);
    expect(await readRecording(file)).toMatchObject({ packets: 1, cut: undefined });
  }, 60_000);
});
