import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writePcapHeader, writePcapPacket } from '@bpfleet/section';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../fakes/fake-terminal.js';

/** Ethernet, IPv4, 10.0.0.1:1234 > 10.0.0.2:`port`, TCP. */
function frame(port: number): Buffer {
  const bytes = Buffer.alloc(60);
  bytes.writeUInt16BE(0x0800, 12);
  bytes.set([0x45, 0, 0, 46, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2], 14);
  bytes.writeUInt16BE(1234, 34);
  bytes.writeUInt16BE(port, 36);
  bytes[46] = 0x50;
  return bytes;
}

const packets = [80, 443, 80].map(frame);
let folder = '';
let file = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bpfleet-match-'));
  file = join(folder, 'three.pcap');
  const records = packets.map((bytes, index) =>
    writePcapPacket(bytes, {
      ...{ interfaceId: 0, atNs: 1_700_000_000_000_000_001n + BigInt(index), start: 0, flags: 0 },
      ...{ capturedLength: bytes.length, wireLength: bytes.length },
    }),
  );
  await writeFile(file, Buffer.concat([writePcapHeader(1), ...records]));
});
afterAll(() => rm(folder, { recursive: true }));

describe('match', () => {
  it('names the packets of a file that match', async () => {
    const { code, out, err } = await runCommand(['match', '-r', file, 'dst', 'port', '80']);
    expect({ code, err }).toEqual({ code: 0, err: '2 of 3 packets match\n' });
    expect(out).toMatch(
      /^1 {2}2023-11-14T22:13:20\.000000001Z {2}IP 10\.0\.0\.1\.1234 > 10\.0\.0\.2\.80: .*\n3 {2}.*003Z .*\n$/,
    );
  });

  it('counts, and stops behind so many', async () => {
    expect((await runCommand(['match', '-r', file, '--count', 'tcp'])).out).toBe('3\n');
    expect((await runCommand(['match', '-r', file, '-n', '1', 'tcp'])).out.split('\n')).toHaveLength(2);
  });

  it.each([
    ['a file that is not there', ['-r', '/nowhere.pcap', 'tcp'], /there is no file \/nowhere\.pcap/],
    ['a folder', ['-r', '/tmp', 'tcp'], /\/tmp is a folder/],
    ['another link type', ['-y', 'RAW', 'tcp'], /holds packets of EN10MB, and the filter is for RAW/],
    ['a wrong expression', ['tcp prt 80'], /FILTER_SYNTAX/],
  ])('refuses %s', async (_, args, message) => {
    const { code, out, err } = await runCommand(['match', ...(args.includes('-r') ? [] : ['-r', file]), ...args]);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(message);
  });
});

describe('match --batch', () => {
  const batch = async (...requests: unknown[]) => {
    const input = requests.map((one) => (typeof one === 'string' ? one : JSON.stringify(one))).join('\n');
    const { out } = await runCommand(['match', '--batch'], { input });
    return out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
  };
  const hex = packets.map((bytes) => ({ data: bytes.toString('hex') }));

  it('answers verdicts in order, by expression and by program, from lines and from a file', async () => {
    const program = [
      [0x28, 0, 0, 36],
      [0x15, 0, 1, 443],
      [6, 0, 0, 7],
      [6, 0, 0, 0],
    ];
    expect(
      await batch(
        { id: 1, expr: 'dst port 80', packets: hex },
        { id: 'two', program, packets: hex, backend: 'interpreter' },
        { id: [3], expr: 'dst port 443', snaplen: 96, pcap: file },
      ),
    ).toEqual([
      { id: 1, verdicts: [262_144, 0, 262_144] },
      { id: 'two', verdicts: [0, 7, 0] },
      { id: [3], verdicts: [0, 96, 0] },
    ]);
  });

  it('says what hangs on bytes that were cut off', async () => {
    const cut = { data: packets[0]!.subarray(0, 30).toString('hex'), len: 60 };
    expect(await batch({ id: 1, expr: 'dst port 80', packets: [hex[0], cut] })).toEqual([
      { id: 1, verdicts: [262_144, 0], undecided: [1] },
    ]);
  });

  it('answers a bad line with an error and goes on', async () => {
    const answers = await batch(
      'nonsense',
      { id: 2, expr: 'tcp prt 80', packets: hex },
      { id: 3, packets: hex },
      { id: 4, program: [[0x28, 0, 0, 12]], packets: hex },
      { id: 5, expr: 'ip', packets: [{ data: 'zz' }] },
      { id: 6, expr: 'ip', linktype: 'EN10MB', packets: [] },
    );
    expect(answers).toMatchObject([
      { id: null, error: { code: 'REQUEST_INVALID' } },
      { id: 2, error: { code: 'FILTER_SYNTAX', start: 4, end: 7 } },
      { id: 3, error: { code: 'REQUEST_INVALID' } },
      { id: 4, error: { code: 'PROGRAM_INVALID', message: expect.stringContaining('last-instruction') } },
      { id: 5, error: { code: 'REQUEST_INVALID' } },
      { id: 6, verdicts: [] },
    ]);
  });
});
