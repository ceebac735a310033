import { readFileSync } from 'node:fs';
import { interfaces, PacketSender } from '@bpfleet/linux';
import { forEachPacket, readSection } from '@bpfleet/section';
import { canMakeHosts, createHosts, type Host, type Hosts } from '@bpfleet/test-environment';
import { Registry } from 'prom-client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ledgerMetrics } from '../ledger-metrics.js';
import { CaptureRig } from '../testing/capture-rig.js';
import { numberAt, numberedFrame } from '../testing/numbered-packets.js';

const possible = await canMakeHosts();
const title = possible.ok ? 'capture' : `capture (skipped: ${possible.reason})`;

describe.runIf(possible.ok)(title, () => {
  let hosts: Hosts;
  let host: Host;
  let rig: CaptureRig;
  let wire: PacketSender;
  beforeAll(async () => {
    hosts = await createHosts({ count: 1 });
    host = hosts.host(1);
  });
  afterAll(() => hosts.remove());
  beforeEach(async () => {
    wire = hosts.inside(hosts.hub, () =>
      PacketSender.open({ interfaceIndex: interfaces().find(({ name }) => name === 'h1')!.index }),
    );
    rig = new CaptureRig(host.namespacePath);
    await rig.start();
  });
  afterEach(async () => {
    wire.close();
    await rig.stop();
  });

  /** Of every stored packet: its number, and the versions it is stored under. */
  async function stored(): Promise<Map<number, string[]>> {
    const found = new Map<number, string[]>();
    for (const { bytes } of await rig.read()) {
      const { interfaces: blocks } = readSection(bytes);
      forEachPacket(bytes, ({ interfaceId, start }) => {
        const number = numberAt(bytes, start);
        found.set(number, [...(found.get(number) ?? []), blocks[interfaceId]!.description ?? '']);
        return true;
      });
    }
    return found;
  }

  it('stores each packet once, under all versions that match it', async () => {
    const answer = await rig.desire(
      rig.service.desire([
        { filter: 'low', version: 1, expression: 'udp dst portrange 1000-1099' },
        { filter: 'even', version: 3, expression: 'udp and udp[3] & 1 = 0 and net 198.18.0.0/15' },
        { filter: 'tcp', version: 1, expression: 'tcp' },
      ]),
    );
    expect(answer.outcomes.map(({ filter, state, interface: device }) => [filter, state, device])).toEqual([
      ['low', 'attested', 'eth0'],
      ['even', 'attested', 'eth0'],
      ['tcp', 'attested', 'eth0'],
    ]);
    expect(answer.outcomes[0]!.selfTest!.packets).toBeGreaterThan(2);
    const ports = Array.from({ length: 200 }, (_, index) => 1000 + index);
    wire.send(ports.map((port, index) => numberedFrame(index, 9, port)));
    await rig.until('packets to be stored', async () => (await stored()).size >= 150);
    const packets = await stored();
    for (const [index, port] of ports.entries()) {
      const versions = [port < 1100 ? 'low@1' : '', port % 2 === 0 ? 'even@3' : ''].filter(Boolean).join(',');
      expect([port, packets.get(index) ?? []]).toEqual([port, versions === '' ? [] : [versions]]);
    }
  });

  it('knows how much of its memory is rings, as the kernel counts it', async () => {
    const residentRings = () =>
      [...readFileSync('/proc/self/smaps', 'utf8').matchAll(/ socket:\[\d+\]\n(?:.*\n)*?Rss: +(\d+) kB/g)].reduce(
        (sum, [, kib]) => sum + Number(kib) * 1024,
        0,
      );
    const before = residentRings();
    await rig.desire(rig.service.desire([{ filter: 'all', version: 1, expression: 'udp' }]));
    await rig.settled();
    wire.send([numberedFrame(1, 9, 1000)]);
    // Who has read from it has mapped it as often as it will be.
    await rig.until('a packet to be read', async () => (await rig.source.counters()).taken === 1);
    expect(rig.source.mappedBytes).toBe(residentRings() - before);
    expect(rig.source.mappedBytes).toBeGreaterThan(0);
  });

  it('tells when it stops of packets that were sampled out, of which no section would', async () => {
    await rig.desire(rig.service.desire([{ filter: 'one-of-many', version: 1, expression: 'udp', sampling: 1000 }]));
    wire.send(Array.from({ length: 599 }, (_, index) => numberedFrame(index, 9, 1000)));
    await rig.until('packets to be read', async () => (await rig.source.counters()).taken === 599);
    await rig.source.stop();
    const sections = (await rig.read()).map(({ bytes }) => readSection(bytes));
    expect(sections).toMatchObject([{ packets: 0, ledger: { captured: '599', kept: '0', 'sampled-out': '599' } }]);
    expect(await rig.source.counters()).toMatchObject({ taken: 599, sockets: [{ passed: 599, taken: 599 }] });
  });

  it('counts in its metrics what the kernel passed and dropped, whatever sockets ended meanwhile', async () => {
    const registry = new Registry();
    ledgerMetrics(registry, async () => {
      const [counters, { outcomes }] = [await rig.source.counters(), await rig.opener.attest()];
      const figures = { counters, outcomes, epoch: 7, generation: 1, confined: false, step: 'full' as const };
      return { ...figures, lost: { evicted: 0, damaged: 0, killed: 0 } };
    });
    const sumOf = async (name: string) => {
      const { values } = (await registry.getSingleMetric(`bpfleet_agent_${name}_total`)!.get()) as {
        values: { value: number }[];
      };
      return values.reduce((sum, { value }) => sum + value, 0);
    };
    const run = async (version: number) => {
      await rig.desire(rig.service.desire([{ filter: 'all', version, expression: 'udp and len > 1' }]));
      await rig.settled();
    };
    await run(1);
    wire.send(Array.from({ length: 500 }, (_, index) => numberedFrame(index, 9, 1000)));
    await rig.until('packets to be read', async () => (await rig.source.counters()).taken === 500);
    expect([await sumOf('kernel_passed_packets'), await sumOf('captured_packets')]).toEqual([500, 500]);
    expect(await registry.metrics()).toContain('bpfleet_agent_kernel_passed_packets_total{interface="eth0"} 500\n');
    await rig.desire(rig.service.desire([]));
    await rig.until('the socket to end', async () => (await rig.source.counters()).ended.sockets === 1);
    await run(2);
    wire.send(Array.from({ length: 300 }, (_, index) => numberedFrame(index, 9, 1000)));
    await rig.until('packets to be read', async () => (await rig.source.counters()).taken === 800);
    const { sockets, ended, versions } = await rig.source.counters();
    const all = (name: 'passed' | 'dropped' | 'taken') => [ended, ...sockets].reduce((sum, one) => sum + one[name], 0);
    expect(await sumOf('kernel_passed_packets')).toBe(all('passed'));
    expect(await sumOf('kernel_dropped_packets')).toBe(all('dropped'));
    expect(await sumOf('captured_packets')).toBe(800);
    expect(await sumOf('filter_stored_packets')).toBe(versions.reduce((sum, { stored: packets }) => sum + packets, 0));
    const text = await registry.metrics();
    expect(text).toContain('bpfleet_agent_kernel_passed_packets_total{interface="eth0"} 800\n');
    expect(text).toContain('bpfleet_agent_filter_matched_packets_total{filter="all",version="2"} 300\n');
    expect(text).toContain('bpfleet_agent_filters{state="attested"} 1\n');
  });
});
