import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  buildArp,
  buildEthernet,
  buildIcmp,
  buildIpv4,
  buildIpv6,
  buildTcp,
  buildUdp,
  concatenate,
  Dissection,
  dissect,
  echoWord,
  summarize,
} from './index.js';

const hasTcpdump = spawnSync('tcpdump', ['--version']).status === 0;

/** Ports and lengths that tcpdump does not take for a protocol of its own. */
const port = fc.constantFrom(4443, 6001, 9000, 51_234, 65_000);
const four = fc.record({ source: fc.ipV4(), destination: fc.ipV4() });
const six = fc.record({
  source: fc.constantFrom('2001:db8::1', 'fe80::1:0:0:1', '::1'),
  destination: fc.constantFrom('ff02::1', '2001:0:0:1::1'),
});
const payload = fc.uint8Array({ maxLength: 60 });
const u32 = fc.nat(0xffff_ffff);

const segment = fc.record({
  sourcePort: port,
  destinationPort: port,
  flags: fc.nat(255),
  sequence: u32,
  acknowledgement: u32,
  window: fc.nat(65_535),
  urgent: fc.nat(65_535),
  payload,
  options: fc.record(
    {
      maxSegmentSize: fc.nat(65_535),
      windowScale: fc.nat(14),
      sackPermitted: fc.boolean(),
      timestamps: fc.tuple(u32, u32),
    },
    { requiredKeys: [] },
  ),
});
const datagram = fc.record({ sourcePort: port, destinationPort: port, payload });

const frame = fc
  .oneof(
    fc
      .tuple(four, segment)
      .map(([ends, fields]) => buildIpv4({ ...ends, protocol: 6, payload: buildTcp({ ...ends, ...fields }) })),
    fc
      .tuple(six, segment)
      .map(([ends, fields]) => buildIpv6({ ...ends, protocol: 6, payload: buildTcp({ ...ends, ...fields }) })),
    fc
      .tuple(four, datagram)
      .map(([ends, fields]) => buildIpv4({ ...ends, protocol: 17, payload: buildUdp({ ...ends, ...fields }) })),
    fc
      .tuple(six, datagram)
      .map(([ends, fields]) => buildIpv6({ ...ends, protocol: 17, payload: buildUdp({ ...ends, ...fields }) })),
    fc
      .tuple(four, fc.constantFrom(0, 8), fc.nat(65_535), fc.nat(65_535), payload)
      .map(([ends, type, id, sequence, bytes]) =>
        buildIpv4({ ...ends, protocol: 1, payload: buildIcmp({ type, word: echoWord(id, sequence), payload: bytes }) }),
      ),
  )
  .map((bytes) => buildEthernet({ payload: bytes }));

const arp = fc.tuple(fc.constantFrom('request', 'reply'), four).map(([operation, ends]) =>
  buildEthernet({
    etherType: 0x0806,
    payload: buildArp({
      operation,
      senderMac: '02:00:00:00:00:0a',
      senderAddress: ends.source,
      targetAddress: ends.destination,
    }),
  }),
);

/** Classic pcap by hand: this library does not know files. */
function pcapOf(frames: readonly Uint8Array[]): Uint8Array {
  const header = new DataView(new ArrayBuffer(24));
  header.setUint32(0, 0xa1b2c3d4, true);
  header.setUint32(4, 0x0004_0002, true);
  header.setUint32(16, 262_144, true);
  header.setUint32(20, 1, true);
  const records = frames.flatMap((bytes) => {
    const record = new DataView(new ArrayBuffer(16));
    record.setUint32(8, bytes.length, true);
    record.setUint32(12, bytes.length, true);
    return [new Uint8Array(record.buffer), bytes];
  });
  return concatenate(new Uint8Array(header.buffer), ...records);
}

describe('summarize, against tcpdump', () => {
  it('prints 2,000 packets as `tcpdump -n -S -t` does', ({ skip }) => {
    skip(!hasTcpdump, 'tcpdump is not installed');
    const frames = fc.sample(fc.oneof({ weight: 9, arbitrary: frame }, arp), { numRuns: 2000, seed: 1 });
    const folder = mkdtempSync(join(tmpdir(), 'bpfleet-summarize-'));
    try {
      const file = join(folder, 'packets.pcap');
      writeFileSync(file, pcapOf(frames));
      const tcpdump = (...args: string[]) =>
        execFileSync('tcpdump', [...args, '-n', '-S', '-t', '-r', file], {
          stdio: ['ignore', 'pipe', 'ignore'],
        }).toString();
      const into = new Dissection();
      const ours = frames.map((bytes) => {
        dissect(bytes, 0, bytes.length, 1, into);
        return summarize(into, bytes);
      });
      expect(ours).toEqual(tcpdump().trimEnd().split('\n'));
      // With -vv it checks checksums: of the IP header, TCP, UDP and ICMP.
      const verbose = tcpdump('-vv');
      expect(verbose).toContain('(correct)');
      expect(verbose.match(/.*(bad|incorrect|wrong).*/g)).toBe(null);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
