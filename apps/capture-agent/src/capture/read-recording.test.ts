import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readRecording } from './read-recording.js';

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

  it('has all packets of a whole file', async () => {
    const { packets, cut } = await read(WHOLE);
    expect(packets.length).toBeGreaterThan(100);
    expect(cut).toBeUndefined();
  });

  it.each([
    ['its last byte', 1],
    ['most of its last record', 50],
  ])(
    'has every packet before the end of a file without %s, and says what is wrong with which file',
    async (_, missing) => {
      const whole = (await read(WHOLE)).packets.length;
      const { packets, cut } = await read(WHOLE.subarray(0, WHOLE.length - missing));
      expect(packets).toHaveLength(whole - 1);
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

  it('refuses one that is not there', async () => {
    await expect(readRecording(file)).rejects.toMatchObject({
      ...{ code: 'FILE_UNREADABLE', message: expect.stringContaining(file), hint: expect.any(String) },
    });
  });
});
