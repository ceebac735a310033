import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildEthernet, buildIpv4, buildUdp, LinkType } from '@bpfleet/packet';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { writePcapHeader, writePcapPacket } from './export/pcap-export.js';
import { PcapngExport } from './export/pcapng-export.js';
import { forEachPacket } from './for-each-packet.js';
import { PacketFlag } from './format.js';
import { readSection } from './read-section.js';
import { SectionWriter } from './section-writer.js';

const commands = ['tcpdump', 'tshark', 'capinfos'];
const missing = commands.filter((command) => spawnSync(command, ['--version']).status !== 0);

const datagram = (port: number) => {
  const ends = { source: '10.0.0.1', destination: '10.0.0.2' };
  const payload = buildUdp({ ...ends, sourcePort: port, destinationPort: 65_000, payload: 'x'.repeat(port % 300) });
  return buildEthernet({ payload: buildIpv4({ ...ends, protocol: 17, payload }) });
};

/** What an oracle says of a packet. Times as text of ns precision. */
interface Line {
  time: string;
  captured: number;
  wire: number;
  interfaceName: string;
}
const timeOf = (atNs: bigint) => `${atNs / 1_000_000_000n}.${String(atNs % 1_000_000_000n).padStart(9, '0')}`;

const writer = new SectionWriter({
  hardware: 'x86_64',
  operatingSystem: 'Linux 6.18',
  application: 'bpfleet 0.1.0',
  capacityBytes: 262_144,
});
const digests = `sha256:${'0'.repeat(64)}`;

/** A section with every block and option that an agent writes: two interfaces, versions, cuts, tags, flags, counters. */
function section(sequence: number, packets: number): Uint8Array {
  writer.begin();
  const eth0 = { name: 'eth0', linkType: LinkType.EN10MB };
  const eth1 = { name: 'eth1', linkType: LinkType.EN10MB };
  writer.addInterface(eth0);
  writer.addInterface(eth1);
  writer.addInterface({
    ...eth0,
    description: 'web@3,dns@1',
    filter: 'udp',
    digests,
    samplingWeights: [10, 1],
    direction: 'in',
  });
  writer.addInterface({ ...eth1, description: 'web@3', filter: 'tcp port 443', digests });
  for (let i = 0; i < packets; i++) {
    const bytes = datagram(1024 + ((sequence * 7 + i) % 4000));
    const captured = i % 3 === 0 ? Math.min(bytes.length, 64) : bytes.length;
    const vlan = i % 5 === 0 ? { tpid: 0x8100, tci: 100 } : undefined;
    const flags = i % 4 === 0 ? PacketFlag.aggregated : 0;
    const nanoseconds = 999_000_001 + i;
    writer.append(2 + (i % 2), 1_700_000_000 + sequence, nanoseconds, bytes, 0, captured, bytes.length, vlan, flags);
  }
  for (const id of [0, 1]) writer.addStatistics(id, { received: packets, dropped: 3n, delivered: packets });
  return writer.finish({ captured: String(packets), 'kernel.dropped': '6' }).slice();
}

function linesOf(bytes: Uint8Array): Line[] {
  const { interfaces } = readSection(bytes);
  const lines: Line[] = [];
  forEachPacket(bytes, ({ atNs, capturedLength, wireLength, interfaceId }) => {
    const interfaceName = interfaces[interfaceId]!.name;
    lines.push({ time: timeOf(atNs), captured: capturedLength, wire: wireLength, interfaceName });
    return true;
  });
  return lines;
}

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'bpfleet-section-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(command: string, ...args: string[]): string[] {
  const { stdout, stderr, status } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  const complaints = stderr
    .split('\n')
    .filter((line) => line !== '' && !/^reading from file |^Running as user "root"/.test(line));
  expect({ command, status, complaints }).toEqual({ command, status: 0, complaints: [] });
  return stdout.split('\n').slice(0, -1);
}

/** Has all three read the file and compares every packet: time, both lengths, and the interface where the format has it. */
function expectRead(bytes: Uint8Array, lines: readonly Line[], hasInterfaces = true): void {
  const file = join(folder, 'packets');
  writeFileSync(file, bytes);
  const byTcpdump = run('tcpdump', '-n', '-tt', '-q', '--time-stamp-precision=nano', '-r', file);
  expect(byTcpdump.map((line) => line.split(' ')[0])).toEqual(lines.map(({ time }) => time));
  const fields = ['frame.time_epoch', 'frame.cap_len', 'frame.len', 'frame.interface_name'];
  const byTshark = run('tshark', '-n', '-r', file, '-T', 'fields', ...fields.flatMap((field) => ['-e', field]));
  expect(byTshark).toEqual(
    lines.map(({ time, captured, wire, interfaceName }) =>
      [time, captured, wire, hasInterfaces ? interfaceName : ''].join('\t'),
    ),
  );
  expect(run('capinfos', '-c', '-M', file).join('\n')).toMatch(
    new RegExp(`^Number of packets: +${lines.length}$`, 'm'),
  );
}

describe('tcpdump, tshark and capinfos', () => {
  beforeEach(({ skip }) => skip(missing.length > 0, `not installed: ${missing.join(' ')}`));

  it('read every packet of one section', () => {
    const bytes = section(0, 100);
    expectRead(bytes, linesOf(bytes));
  });

  it('read every packet of 1,000 sections concatenated in random order', () => {
    const order = fc.sample(fc.shuffledSubarray([...Array(1000).keys()], { minLength: 1000 }), {
      numRuns: 1,
      seed: 7,
    })[0]!;
    const sections = order.map((sequence) => section(sequence, 1 + (sequence % 4)));
    expectRead(Buffer.concat(sections), sections.flatMap(linesOf));
  });

  it('read an empty section between others', () => {
    const sections = [section(1, 2), section(2, 0), section(3, 2)];
    expectRead(Buffer.concat(sections), sections.flatMap(linesOf));
  });

  it('name the interface, the filter and the counters', () => {
    const file = join(folder, 'named');
    writeFileSync(file, section(0, 4));
    const shown = run('capinfos', file).join('\n');
    expect(shown).toContain('Capture application: bpfleet 0.1.0');
    expect(shown).toContain('Name = eth1');
    expect(shown).toContain('Description = web@3,dns@1');
    expect(shown).toContain('Capture length = 262144');
    expect(shown).toContain('Time precision = nanoseconds (9)');
    expect(shown).toContain('Filter string = tcp port 443');
  });

  it('read an exported pcap', () => {
    const bytes = section(5, 50);
    const parts = [writePcapHeader(LinkType.EN10MB)];
    forEachPacket(bytes, (packet) => parts.push(writePcapPacket(bytes, packet)) > 0);
    expectRead(Buffer.concat(parts), linesOf(bytes), false);
  });

  it('read an exported pcapng of several agents, with interfaces added on the way', () => {
    const out = new PcapngExport({ application: 'bpfleet' });
    const parts = [out.header()];
    const lines: Line[] = [];
    for (const sequence of [1, 2, 3]) {
      const bytes = section(sequence, 20);
      const ids = readSection(bytes).interfaces.map(({ name, linkType, description }) => {
        const added = out.addInterface({ name, linkType, description: `agent-${sequence} ${description ?? ''}` });
        parts.push(added.block);
        return added.id;
      });
      forEachPacket(bytes, (packet) => parts.push(out.packet(ids[packet.interfaceId]!, bytes, packet)) > 0);
      lines.push(...linesOf(bytes));
    }
    expectRead(Buffer.concat(parts), lines);
  });
});
