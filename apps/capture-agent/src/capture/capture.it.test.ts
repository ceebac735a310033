import { interfaces, PacketSender } from '@bpfleet/linux';
import { forEachPacket, readSection } from '@bpfleet/section';
import { canMakeHosts, createHosts, type Host, type Hosts } from '@bpfleet/test-environment';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CaptureRig } from '../testing/capture-rig.js';

const possible = await canMakeHosts();
const rounds = Number(process.env.BPFLEET_TEST_ROUNDS ?? 1);
const title = possible.ok ? 'capture' : `capture (skipped: ${possible.reason})`;

/** UDP from and to these ports, with a number in its payload. */
function numbered(number: number, sourcePort: number, destinationPort: number): Uint8Array {
  const frame = new Uint8Array(64);
  frame.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 50, 0, 0, 0, 0, 64, 17, 0, 0], 0);
  frame.set([198, 18, 0, 1, 198, 18, 0, 2], 26);
  const view = new DataView(frame.buffer);
  view.setUint16(34, sourcePort);
  view.setUint16(36, destinationPort);
  view.setUint16(38, 30);
  view.setUint32(42, number);
  return frame;
}

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
        const number = new DataView(bytes.buffer, bytes.byteOffset + start + 42).getUint32(0);
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
    wire.send(ports.map((port, index) => numbered(index, 9, port)));
    await rig.until('packets to be stored', async () => (await stored()).size >= 150);
    const packets = await stored();
    for (const [index, port] of ports.entries()) {
      const versions = [port < 1100 ? 'low@1' : '', port % 2 === 0 ? 'even@3' : ''].filter(Boolean).join(',');
      expect([port, packets.get(index) ?? []]).toEqual([port, versions === '' ? [] : [versions]]);
    }
  });

  it(
    'swaps at a cut under load: what both versions match is stored once, nothing old after anything new',
    async () => {
      const swaps = rounds * 20;
      // Old-only, new-only, both, neither, by the source port.
      const expressionOf = (version: number) =>
        `udp src port ${version % 2 === 1 ? '1 or udp src port 3' : '2 or udp src port 3'}`;
      await rig.desire(rig.service.desire([{ filter: 'f', version: 1, expression: expressionOf(1) }]));
      const sending = new AbortController();
      let number = 0;
      const pump = (async () => {
        while (!sending.signal.aborted) {
          const frames = Array.from({ length: 40 }, () => numbered(++number, 1 + (number % 4), 9));
          // Fewer are taken when the queue is full.
          for (let sent = 0; sent < frames.length; ) sent += wire.send(frames.slice(sent));
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
      })();
      for (let version = 2; version <= swaps; version++) {
        await rig.desire(rig.service.desire([{ filter: 'f', version, expression: expressionOf(version) }]));
        await rig.settled();
      }
      sending.abort();
      await pump;
      // The last one that both versions match.
      const lastBoth = number - ((number + 2) % 4);
      await rig.until('the last packets', async () => (await stored()).has(lastBoth));
      const seen = await stored();
      // Packets that both versions match tell which one was in force.
      const versionOf = (label: string | undefined) => Number(label?.split('@')[1] ?? Number.NaN);
      let inForce = 1;
      for (let each = 1; each <= number; each++) {
        const labels = seen.get(each) ?? [];
        const sourcePort = 1 + (each % 4);
        if (sourcePort === 3) {
          expect([each, labels.length]).toEqual([each, 1]);
          expect(versionOf(labels[0])).toBeGreaterThanOrEqual(inForce);
          inForce = versionOf(labels[0]);
          continue;
        }
        // The next one that both match: until there, either version may be in force.
        const next = versionOf(seen.get(each + ((6 - (each % 4)) % 4))?.[0]);
        const allowed = [inForce, next].map((version) => (version % 2 === sourcePort % 2 ? [`f@${version}`] : []));
        if (sourcePort === 4) expect([each, labels]).toEqual([each, []]);
        else if (!Number.isNaN(next)) expect(allowed.map(String)).toContain(String(labels));
      }
      expect(inForce).toBe(swaps);
      const { outcomes } = await rig.opener.attest();
      expect(outcomes).toMatchObject([{ version: swaps, state: 'attested' }]);
    },
    60_000 * rounds,
  );
});
