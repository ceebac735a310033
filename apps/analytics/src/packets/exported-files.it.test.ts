import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { PacketQuery, packetMediaTypes } from '@bpfleet/contract';
import { LinkType } from '@bpfleet/packet';
import { suiteRequires } from '@bpfleet/test-environment/requirements';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MemoryLedger } from '../ledger/memory-ledger.js';
import { VersionTable } from '../registry/known-versions.js';
import { makeSection, NOW_MS, NOW_NS, storedSection, tcpFrame } from '../testing/sections.js';
import { tool } from '../testing/tool.js';
import { MemorySections } from './memory-sections.js';
import { PacketsService } from './packets.service.js';

const run = promisify(execFile);
const SECTIONS = 50;
const PACKETS = 20;
const tag = { tpid: 0x8100, tci: 10 };

/** Two hosts whose sections overlap, some frames tagged, some cut. */
function storedTraffic(): MemorySections {
  const source = new MemorySections();
  for (let seq = 0; seq < SECTIONS; seq++) {
    const agent = `host-${1 + (seq % 2)}`;
    const packets = Array.from({ length: PACKETS }, (_, n) => ({
      atNs: NOW_NS - 60_000_000_000n + BigInt(seq * 10_000_000 + n * 1_000_003),
      bytes: tcpFrame(seq * PACKETS + n),
      ...(n % 5 === 0 ? { vlan: tag } : {}),
      ...(n % 7 === 0 ? { capturedLength: 40 } : {}),
    }));
    source.stored.push(storedSection(makeSection({ agent, epoch: 1, seq, filter: 'web@3', packets })));
  }
  return source;
}

const needs = { tcpdump: await tool('tcpdump'), tshark: await tool('tshark') };
suiteRequires('exported files', needs, () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bpfleet-export-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  describe.each([packetMediaTypes.pcapng, packetMediaTypes.pcap])('%s', (mediaType) => {
    let path: string;
    beforeAll(async () => {
      const { signal } = new AbortController();
      const service = new PacketsService(storedTraffic(), new MemoryLedger(), new VersionTable());
      const { body, fileName } = await service.answer(PacketQuery.parse({}), mediaType, NOW_MS, signal);
      path = join(folder, fileName!);
      await writeFile(path, await buffer(body));
    });

    it('is read by tcpdump without a complaint', async () => {
      const { stdout, stderr } = await run('tcpdump', ['-r', path, '-n', '--count']);
      expect(stdout).toBe(`${SECTIONS * PACKETS} packets\n`);
      expect(stderr.trimEnd()).toBe(`reading from file ${path}, link-type EN10MB (Ethernet), snapshot length 262144`);
    });
    it('is read by tshark without a complaint, in time order', async () => {
      const { stdout, stderr } = await run('tshark', ['-r', path, '-T', 'fields', '-e', 'frame.time_epoch']);
      expect(stderr).not.toMatch(/malformed|error|appears/i);
      const times = stdout.trimEnd().split('\n');
      expect(times).toHaveLength(SECTIONS * PACKETS);
      expect(times).toEqual(times.toSorted((a, b) => Number(a) - Number(b)));
    });
    if (mediaType === packetMediaTypes.pcap) return;
    it('tells host, interface and filter of each packet', async () => {
      const { stdout } = await run('tshark', ['-r', path, '-T', 'fields', '-e', 'frame.interface_description']);
      const descriptions = stdout.trimEnd().split('\n');
      expect(descriptions).toHaveLength(SECTIONS * PACKETS);
      expect([...new Set(descriptions)].toSorted((a, b) => a.localeCompare(b))).toEqual([
        'host-1 eth0 web@3',
        'host-2 eth0 web@3',
      ]);
    });
  });

  it('of several link types are read by tshark without a complaint', async () => {
    const source = storedTraffic();
    const cooked = { atNs: NOW_NS - 1_000_000n, bytes: cookedFrame() };
    const shape = { agent: 'host-3', epoch: 1, seq: 0, filter: 'web@3', linkType: LinkType.LINUX_SLL };
    source.stored.push(storedSection(makeSection({ ...shape, packets: [cooked] })));
    const service = new PacketsService(source, new MemoryLedger(), new VersionTable());
    const asked = PacketQuery.parse({ filter: 'tcp', mixed: 'true' });
    const { body } = await service.answer(asked, packetMediaTypes.pcapng, NOW_MS, new AbortController().signal);
    const path = join(folder, 'mixed.pcapng');
    await writeFile(path, await buffer(body));
    const fields = ['-e', 'frame.encap_type', '-e', 'tcp.dstport'];
    const { stdout, stderr } = await run('tshark', ['-r', path, '-T', 'fields', ...fields]);
    expect(stderr).not.toMatch(/malformed|error|appears/i);
    const lines = stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(SECTIONS * PACKETS + 1);
    // Wireshark's numbers: 1 is Ethernet, 25 the cooked form.
    expect(new Set(lines.slice(0, -1))).toEqual(new Set(['1\t80']));
    expect(lines.at(-1)).toBe('25\t80');
  });
});

/** The same segment behind the 16 bytes of LINKTYPE_LINUX_SLL. */
function cookedFrame(): Uint8Array {
  const segment = tcpFrame(1).subarray(14);
  const bytes = new Uint8Array(16 + segment.length);
  new DataView(bytes.buffer).setUint16(14, 0x0800);
  bytes.set(segment, 16);
  return bytes;
}
