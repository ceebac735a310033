import { canMakeHosts, createHosts, type Hosts } from '@bpfleet/test-environment';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PacketSocket } from '../socket/packet-socket.js';
import { switchOffloadsOff } from './offloads.js';
import { PacketSender } from './packet-sender.js';

const possible = await canMakeHosts();
const title = possible.ok ? 'a packet sender' : `a packet sender [skipped: ${possible.reason}]`;
const frames = Array.from({ length: 10 }, (_, i) => Uint8Array.from([...Array<number>(12).fill(2), 0x88, 0xb5, i]));
/** `ldh [12]`, `jeq #0x88b5`, `ret #262144`, `ret #0`. */
const experiments = Uint8Array.from(
  [
    [0x28, 0, 0, 0, 12, 0, 0, 0],
    [0x15, 0, 0, 1, 0xb5, 0x88, 0, 0],
    [0x06, 0, 0, 0, 0, 0, 4, 0],
    [0x06, 0, 0, 0, 0, 0, 0, 0],
  ].flat(),
);

describe.runIf(possible.ok)(title, () => {
  let hosts: Hosts;
  let sender: PacketSender;
  let receiver: PacketSocket;
  beforeAll(async () => {
    hosts = await createHosts({ count: 1 });
    const host = hosts.host(1);
    sender = hosts.inside(hosts.hub, () =>
      PacketSender.open({ interfaceIndex: hosts.interfaceIndex(hosts.hub, 'h1') }),
    );
    const options = { interfaceIndex: hosts.interfaceIndex(host), blockCount: 4, blockTimeoutMs: 20 };
    receiver = hosts.inside(host, () => PacketSocket.open(options));
    receiver.attach(experiments);
  });
  afterAll(async () => {
    receiver?.close();
    sender?.close();
    await hosts?.remove();
  });

  const received = (): number => receiver.statistics().passed;

  it('sends each frame once', () => {
    const before = received();
    expect(sender.send(frames)).toBe(10);
    expect(received() - before).toBe(10);
  });

  it('sends more frames than one call of the kernel takes', () => {
    const before = received();
    expect(sender.send(Array.from({ length: 3000 }, () => frames[0]!))).toBe(3000);
    expect(received() - before).toBe(3000);
  });

  it('sends at a rate, going round through its frames', async () => {
    const before = received();
    const begin = performance.now();
    expect(await sender.sendPaced(frames, { packetsPerSecond: 5000, count: 1001 })).toBe(1001);
    const elapsedMs = performance.now() - begin;
    expect(received() - before).toBe(1001);
    // Never faster: the last is due 200 ms after the first. How much later depends on the machine.
    expect(elapsedMs).toBeGreaterThanOrEqual(200);
  });

  it('ends when it is told to', async () => {
    const before = received();
    const stop = new AbortController();
    const sending = sender.sendPaced(frames, { packetsPerSecond: 1000, count: 1e9, signal: stop.signal });
    await expect.poll(received).toBeGreaterThan(before + 10);
    stop.abort();
    expect(await sending).toBeGreaterThan(0);
  });

  it('names the interface it does not find', () => {
    const open = () => PacketSender.open({ interfaceIndex: 9999 });
    expect(() => hosts.inside(hosts.hub, open)).toThrow(expect.objectContaining({ errno: 'ENODEV' }));
    expect(() => switchOffloadsOff('nonesuch')).toThrow(expect.objectContaining({ errno: 'ENODEV' }));
  });

  it('refuses a frame longer than the MTU', () => {
    const long = Uint8Array.from([...frames[0]!, ...Array<number>(2000).fill(0)]);
    expect(() => sender.send([long])).toThrow(expect.objectContaining({ errno: 'EMSGSIZE' }));
  });
});
