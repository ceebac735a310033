import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PacketSocket, PollSet } from '@bpfleet/linux';
import { buildArp, buildEthernet, EtherType } from '@bpfleet/packet';
import { writePcapHeader, writePcapPacket } from '@bpfleet/section';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canMakeHosts, createHosts, type Hosts } from './hosts.js';
import { exchange, sendFrames, startEchoServer } from './traffic.js';

const senderMac = '02:00:00:00:00:01';
const everybody = 'ff:ff:ff:ff:ff:ff';
const possible = await canMakeHosts();
const title = possible.ok ? 'traffic between hosts' : `traffic between hosts [skipped: ${possible.reason}]`;

describe.runIf(possible.ok)(title, () => {
  let hosts: Hosts;
  let folder: string;
  beforeAll(async () => {
    hosts = await createHosts({ count: 2 });
    folder = mkdtempSync(join(tmpdir(), 'bpfleet-traffic-'));
  });
  afterAll(async () => {
    await hosts?.remove();
    if (folder !== undefined) rmSync(folder, { recursive: true });
  });

  it('is answered, by TCP and UDP, IPv4 and IPv6, on several ports', async () => {
    const [client, server] = [hosts.host(1), hosts.host(2)];
    const echo = await startEchoServer(hosts, server, { tcp: [80, 8080], udp: [53] });
    await exchange(hosts, client, [
      { protocol: 'tcp', address: server.address, port: 80, messages: 3, messageBytes: 100_000 },
      { protocol: 'tcp', address: server.address6, port: 8080, localPort: 40_001 },
      { protocol: 'udp', address: server.address, port: 53, messages: 5 },
      { protocol: 'udp', address: server.address6, port: 53, messageBytes: 1000, localPort: 40_002 },
    ]);
    await echo.stop();
    const again = exchange(hosts, client, [{ protocol: 'tcp', address: server.address, port: 80 }]);
    await expect(again).rejects.toThrow('ECONNREFUSED');
  });

  it('that cannot begin says why', async () => {
    const echo = await startEchoServer(hosts, hosts.host(1), { tcp: [81] });
    await expect(startEchoServer(hosts, hosts.host(1), { tcp: [81] })).rejects.toThrow('EADDRINUSE');
    await echo.stop();
  });

  it('of prepared frames arrives as it is in the file, at the rate', async () => {
    const arp = buildArp({ operation: 'request', senderMac, senderAddress: '10.0.0.1', targetAddress: '10.0.0.2' });
    const tagged = buildEthernet({
      destination: everybody,
      etherType: EtherType.ARP,
      tags: [{ id: 100 }],
      payload: arp,
    });
    const tooLong = buildEthernet({ destination: everybody, etherType: EtherType.IP, payload: new Uint8Array(3000) });
    const file = pcapFile(join(folder, 'frames.pcap'), [tagged, tooLong]);
    const receiver = receive(hosts, 2);
    // The hub's cable to h2 is where h2 hears it.
    const sending = sendFrames(hosts, hosts.hub, { file, interfaceName: 'h2', packetsPerSecond: 2000, count: 100 });
    const { sent, skipped, elapsedMs } = await sending.finished;
    expect({ sent, skipped }).toEqual({ sent: 100, skipped: 1 });
    expect(elapsedMs).toBeGreaterThanOrEqual(49);
    expect(receiver.countTagged(100)).toBe(100);
    receiver.socket.close();
  });

  it('of prepared frames ends when it is stopped', async () => {
    const file = pcapFile(join(folder, 'endless.pcap'), [
      buildEthernet({ destination: everybody, etherType: EtherType.ARP, payload: new Uint8Array(28) }),
    ]);
    const source = { file, interfaceName: 'h1', packetsPerSecond: 100, count: 1e9 };
    const { sent } = await sendFrames(hosts, hosts.hub, source).stop();
    expect(sent).toBeLessThan(1e9);
  });
});

function pcapFile(path: string, frames: readonly Uint8Array[]): string {
  const packets = frames.map((frame) => {
    const packet = { atNs: 0n, start: 0, capturedLength: frame.length, wireLength: frame.length };
    return writePcapPacket(frame, packet);
  });
  writeFileSync(path, Buffer.concat([writePcapHeader(1), ...packets]));
  return path;
}

function receive(hosts: Hosts, number: number) {
  const host = hosts.host(number);
  const options = { interfaceIndex: hosts.interfaceIndex(host), blockCount: 8, blockTimeoutMs: 20 };
  const socket = hosts.inside(host, () => PacketSocket.open(options));
  // `ret #262144`
  socket.attach(Uint8Array.of(6, 0, 0, 0, 0, 0, 4, 0));
  const poll = new PollSet([socket.fd]);
  const countTagged = (expected: number): number => {
    let tagged = 0;
    while (tagged < expected && poll.wait(5000) > 0) {
      for (let block = socket.ring.take(); block !== undefined; block = socket.ring.take()) {
        while (block.next()) if (block.vlanPresent && block.vlanTci === 100) tagged++;
        socket.ring.release();
      }
    }
    return tagged;
  };
  return { socket, countTagged };
}
