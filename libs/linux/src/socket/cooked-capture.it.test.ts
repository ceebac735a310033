import { once } from 'node:events';
import { closeSync, openSync, writeSync } from 'node:fs';
import { Ancillary, BPF, encodeProgram, jump, type Program, SKF_AD_OFF, statement } from '@bpfleet/bpf';
import { canMakeHosts, createHosts, type Host, type Hosts } from '@bpfleet/test-environment';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { foreignFunctions } from '../calls/libc.js';
import { PollSet } from '../poll/poll-set.js';
import { PacketType } from '../ring/layout.js';
import type { PacketBlock } from '../ring/packet-block.js';
import { PacketSender } from '../sender/packet-sender.js';
import { PacketSocket } from './packet-socket.js';
import { RingSocket } from './ring-socket.js';

const possible = await canMakeHosts();
const title = possible.ok ? 'a cooked packet socket' : `a cooked packet socket [skipped: ${possible.reason}]`;

const EXPERIMENT = 0x88b5;
const [ETHER, IPGRE, PPP, NONE] = [1, 778, 512, 65_534];
const MAC = [2, 0, 0, 0, 0, 9];
const frame = (payload: number[], tag: number[] = []) =>
  Uint8Array.from([...Array(6).fill(0xff), ...MAC, ...tag, 0x88, 0xb5, ...payload, ...Array(60).fill(0)]);
const ipv4 = Uint8Array.from([
  0x45, 0, 0, 28, 0, 1, 0, 0, 9, 253, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2, 1, 2, 3, 4, 5, 6, 7, 8,
]);
const ipv6 = Uint8Array.from([0x60, 0, 0, 0, 0, 4, 253, 9, ...Array(31).fill(0), 1, 5, 6, 7, 8]);

/** Packets of one protocol whose first network byte is this: in cooked form, so that offset 0 is the network header. */
const program = (protocol: number, firstByte: number): Program => [
  statement(BPF.LD | BPF.H | BPF.ABS, SKF_AD_OFF + Ancillary.PROTOCOL),
  jump(BPF.JMP | BPF.JEQ | BPF.K, protocol, 0, 3),
  statement(BPF.LD | BPF.B | BPF.ABS, 0),
  jump(BPF.JMP | BPF.JEQ | BPF.K, firstByte, 0, 1),
  statement(BPF.RET | BPF.K, 262_144),
  statement(BPF.RET | BPF.K, 0),
];

const copy = (block: PacketBlock) => ({
  bytes: [...block.bytes.slice(block.start, block.start + block.capturedLength)],
  wireLength: block.wireLength,
  protocol: block.protocol,
  interfaceIndex: block.interfaceIndex,
  hardwareType: block.hardwareType,
  packetType: block.packetType,
  address: [...block.bytes.slice(block.addressStart, block.addressStart + block.addressLength)],
  vlan: block.vlanPresent ? [block.vlanTpid, block.vlanTci] : undefined,
});

/** A tun interface of any hardware type; what is written to it arrives there. linux/if_tun.h */
function makeTun(name: string, arphrd: number): number {
  const [TUNSETIFF, TUNSETLINK, IFF_TUN, IFF_NO_PI] = [0x400454ca, 0x400454cd, 0x0001, 0x1000];
  const ioctl = foreignFunctions().load(null).func('int ioctl(int, unsigned long, ...)');
  const fd = openSync('/dev/net/tun', 'r+');
  const request = Buffer.alloc(40);
  request.write(name);
  request.writeUInt16LE(IFF_TUN | IFF_NO_PI, 16);
  expect(ioctl(fd, TUNSETIFF, 'void *', request)).toBe(0);
  if (arphrd !== NONE) expect(ioctl(fd, TUNSETLINK, 'int', arphrd)).toBe(0);
  return fd;
}

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

  const ring = { blockBytes: 1 << 16, blockCount: 4, blockTimeoutMs: 5 };
  const capture = (wanted: Program, device = 'eth0', cooked?: { cooked: boolean }) => {
    const interfaceIndex = hosts.interfaceIndex(host, device);
    const owner = opened(hosts.inside(host, () => RingSocket.open({ ...ring, ...cooked, interfaceIndex })));
    owner.attach(encodeProgram(wanted));
    const socket = opened(PacketSocket.adopt(owner.duplicate(), { ...owner, resume: false, subject: device }));
    const poll = new PollSet([socket.fd]);
    const next = () => {
      if (poll.wait(5000) === 0) throw new Error('no packet came');
      const block = socket.ring.take()!;
      block.next();
      const packet = copy(block);
      socket.ring.release();
      return packet;
    };
    return { owner, next, interfaceIndex };
  };
  const sender = (at: Host | Hosts['hub'], device: string) =>
    opened(hosts.inside(at, () => PacketSender.open({ interfaceIndex: hosts.interfaceIndex(at, device) })));
  const tun = async (name: string, arphrd: number) => {
    const fd = hosts.inside(host, () => makeTun(name, arphrd));
    open.push({ close: () => closeSync(fd) });
    await hosts.exec(host, ['ip', 'link', 'set', name, 'up']);
    return { receive: (packet: Uint8Array) => writeSync(fd, packet) };
  };

  it('on Ethernet tells what the header said that it leaves out', () => {
    const { owner, next, interfaceIndex } = capture(program(EXPERIMENT, 7), 'eth0', { cooked: true });
    expect(owner.cooked).toBe(true);
    sender(hosts.hub, 'h1').send([frame([8]), frame([7, 1, 2, 3])]);
    expect(next()).toEqual({
      bytes: [7, 1, 2, 3, ...Array(60).fill(0)],
      wireLength: 64,
      protocol: EXPERIMENT,
      interfaceIndex,
      hardwareType: ETHER,
      packetType: PacketType.broadcast,
      address: MAC,
      vlan: undefined,
    });
  });

  it('leaves out the header of what this host sends, too', () => {
    const { next } = capture(program(EXPERIMENT, 7), 'eth0', { cooked: true });
    sender(host, 'eth0').send([frame([7, 4])]);
    expect(next()).toMatchObject({
      bytes: [7, 4, ...Array(60).fill(0)],
      packetType: PacketType.outgoing,
      address: MAC,
    });
  });

  it('has a VLAN tag in the metadata', () => {
    const { next } = capture(program(EXPERIMENT, 7), 'eth0', { cooked: true });
    sender(hosts.hub, 'h1').send([frame([7], [0x81, 0x00, 0x20, 0x05])]);
    expect(next()).toMatchObject({ bytes: [7, ...Array(60).fill(0)], protocol: EXPERIMENT, vlan: [0x8100, 0x2005] });
  });

  it.each([
    ['GRE', IPGRE],
    ['PPP', PPP],
    ['a type without a name', 4711],
  ])('is what an interface of %s gets by itself', async (_, arphrd) => {
    const device = await tun('cooked0', arphrd);
    const { owner, next, interfaceIndex } = capture(program(0x0800, 0x45), 'cooked0');
    expect(owner).toMatchObject({ cooked: true, networkInterface: { arphrd, linkType: 'LINUX_SLL2' } });
    device.receive(ipv4);
    expect(next()).toEqual({
      bytes: [...ipv4],
      wireLength: 28,
      protocol: 0x0800,
      interfaceIndex,
      hardwareType: arphrd,
      packetType: PacketType.host,
      address: [],
      vlan: undefined,
    });
  });

  it('tells the protocol of each packet', async () => {
    const device = await tun('cooked0', IPGRE);
    const { next } = capture(program(0x86dd, 0x60), 'cooked0');
    device.receive(ipv4);
    device.receive(ipv6);
    expect(next()).toMatchObject({ protocol: 0x86dd, bytes: [...ipv6] });
  });

  it('is not what an interface without a header gets', async () => {
    const device = await tun('raw0', NONE);
    const { owner, next } = capture([statement(BPF.RET | BPF.K, 262_144)], 'raw0');
    expect(owner).toMatchObject({ cooked: false, networkInterface: { linkType: 'RAW' } });
    // The kernel speaks IPv6 on a new interface first.
    device.receive(ipv4);
    let packet = next();
    while (packet.packetType === PacketType.outgoing) packet = next();
    expect(packet).toMatchObject({ bytes: [...ipv4], protocol: 0x0800 });
  });

  it('tells all that libpcap writes into the header of LINUX_SLL2', async () => {
    const { next } = capture(program(EXPERIMENT, 7), 'eth0', { cooked: true });
    const command = 'tcpdump -i any -y LINUX_SLL2 -c 1 -U -w - ether proto 0x88b5';
    const tcpdump = hosts.spawn(host, command.split(' '));
    const file: Buffer[] = [];
    tcpdump.stdout!.on('data', (bytes: Buffer) => file.push(bytes));
    const ended = once(tcpdump, 'close');
    // Read to its end: tcpdump has more to say before it writes.
    let said = '';
    await new Promise<void>((resolve) => {
      tcpdump.stderr!.on('data', (words: Buffer) => {
        said += String(words);
        if (said.includes('listening on')) resolve();
      });
      void ended.then(() => resolve());
    });
    sender(hosts.hub, 'h1').send([frame([7, 1, 2, 3])]);
    await ended;
    const { protocol, interfaceIndex, hardwareType, packetType, address, bytes } = next();
    const header = Buffer.alloc(20);
    header.writeUInt16BE(protocol, 0);
    header.writeUInt32BE(interfaceIndex, 4);
    header.writeUInt16BE(hardwareType, 8);
    header.set([packetType, address.length, ...address], 10);
    // Behind the headers of the file (24) and of the packet (16).
    expect(Buffer.concat(file).subarray(40).toString('hex')).toBe(Buffer.from([...header, ...bytes]).toString('hex'));
  });
});
