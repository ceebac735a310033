import { BPF, encodeProgram, jump, statement } from '@bpfleet/bpf';
import { canMakeHosts, createHosts, type Host, type Hosts } from '@bpfleet/test-environment';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { PollSet } from '../poll/poll-set.js';
import { PacketSender } from '../sender/packet-sender.js';
import { PacketSocket } from './packet-socket.js';

const possible = await canMakeHosts();
const title = possible.ok ? 'the time a packet came' : `the time a packet came [skipped: ${possible.reason}]`;

const experiments = encodeProgram([
  statement(BPF.LD | BPF.H | BPF.ABS, 12),
  jump(BPF.JMP | BPF.JEQ | BPF.K, 0x88b5, 0, 1),
  statement(BPF.RET | BPF.K, 262_144),
  statement(BPF.RET | BPF.K, 0),
]);
const frame = Uint8Array.from([...Array(6).fill(0xff), 2, 0, 0, 0, 0, 1, 0x88, 0xb5, ...Array(60).fill(0)]);

describe.runIf(possible.ok)(title, () => {
  let hosts: Hosts;
  let host: Host;
  const open: { close(): void }[] = [];
  const opened = <T extends { close(): void }>(resource: T): T => {
    open.push(resource);
    return resource;
  };
  beforeAll(async () => {
    hosts = await createHosts({ count: 1 });
    host = hosts.host(1);
  });
  afterAll(() => hosts?.remove());
  afterEach(() => {
    for (const resource of open.splice(0)) resource.close();
  });

  const capture = (arrivalTime: boolean) => {
    const ring = { blockBytes: 1 << 16, blockCount: 4, blockTimeoutMs: 1 };
    const interfaceIndex = hosts.interfaceIndex(host);
    const socket = opened(hosts.inside(host, () => PacketSocket.open({ ...ring, arrivalTime, interfaceIndex })));
    socket.attach(experiments);
    return socket;
  };
  const sender = (at: Host | Hosts['hub'], device: string) => {
    const interfaceIndex = hosts.interfaceIndex(at, device);
    return opened(hosts.inside(at, () => PacketSender.open({ interfaceIndex })));
  };
  function times({ fd, ring }: PacketSocket, count: number): bigint[] {
    const poll = new PollSet([fd]);
    const found: bigint[] = [];
    while (found.length < count) {
      if (poll.wait(5000) === 0) throw new Error(`${found.length} packets came, ${count} were expected`);
      for (let block = ring.take(); block !== undefined; block = ring.take()) {
        while (block.next()) found.push(BigInt(block.seconds) * 1_000_000_000n + BigInt(block.nanoseconds));
        ring.release();
      }
    }
    return found;
  }

  it.each([
    ['is received', () => hosts.hub, 'h1'],
    ['is sent', () => host, 'eth0'],
  ])('is the same on two sockets when it %s', (_, at, device) => {
    const [one, other] = [capture(true), capture(true)];
    const wire = sender(at(), device);
    // The kernel switches it on behind our back (`netstamp_work`).
    for (let attempt = 0; ; attempt++) {
      wire.send([frame]);
      if (times(one, 1)[0] === times(other, 1)[0]) break;
      expect(attempt).toBeLessThan(1000);
    }
    const before = BigInt(Date.now()) * 1_000_000n;
    wire.send(Array(100).fill(frame));
    const [ours, theirs] = [times(one, 100), times(other, 100)];
    expect(ours).toEqual(theirs);
    expect(new Set(ours).size).toBeGreaterThan(90);
    expect(ours[0]).toBeGreaterThanOrEqual(before);
    expect(ours.at(-1)).toBeLessThanOrEqual(BigInt(Date.now() + 1) * 1_000_000n);
  });

  it('is the same on a socket that did not ask for it, while one does', () => {
    const [one, other] = [capture(true), capture(false)];
    const wire = sender(hosts.hub, 'h1');
    for (let attempt = 0; ; attempt++) {
      wire.send([frame]);
      if (times(one, 1)[0] === times(other, 1)[0]) break;
      expect(attempt).toBeLessThan(1000);
    }
    wire.send(Array(100).fill(frame));
    expect(times(one, 100)).toEqual(times(other, 100));
  });
});
