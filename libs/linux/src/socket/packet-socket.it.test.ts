import { BPF, encodeProgram, jump, type Program, statement } from '@bpfleet/bpf';
import { canMakeHosts, createHosts, type Host, type Hosts } from '@bpfleet/test-environment';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PollSet } from '../poll/poll-set.js';
import { PacketType, TP_STATUS } from '../ring/layout.js';
import type { PacketBlock } from '../ring/packet-block.js';
import { PacketSender } from '../sender/packet-sender.js';
import { PacketSocket } from './packet-socket.js';
import type { RingSocketOptions } from './ring-socket.js';

const possible = await canMakeHosts();
const title = possible.ok ? 'a packet socket' : `a packet socket [skipped: ${possible.reason}]`;

/** An EtherType for experiments (IEEE 802): nothing else on the wire carries it. */
const EXPERIMENT = 0x88b5;
const everyPacket: Program = [statement(BPF.RET | BPF.K, 262_144)];
const experiments = (keepBytes = 262_144): Program => [
  statement(BPF.LD | BPF.H | BPF.ABS, 12),
  jump(BPF.JMP | BPF.JEQ | BPF.K, EXPERIMENT, 0, 1),
  statement(BPF.RET | BPF.K, keepBytes),
  statement(BPF.RET | BPF.K, 0),
];
/** Each of these loads becomes 14 instructions of the kernel's: some 224,000 bytes in all. */
const tooLarge: Program = [
  ...Array.from({ length: 2000 }, () => statement(BPF.LD | BPF.H | BPF.ABS, 12)),
  statement(BPF.RET | BPF.K, 0),
];

/** Broadcast from a made-up address; `header` is what stands between the addresses and the payload. */
function frame(
  payload: readonly number[],
  header: readonly number[] = [EXPERIMENT >> 8, EXPERIMENT & 0xff],
): Uint8Array {
  return Uint8Array.from([...Array<number>(6).fill(0xff), 2, 0, 0, 0, 0, 1, ...header, ...payload]);
}
/** Frames that differ in length and content. */
const numbered = (count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => {
    const number = from + index;
    return frame([
      number >> 16,
      (number >> 8) & 0xff,
      number & 0xff,
      ...Array<number>(46 + (number % 1000)).fill(number & 0xff),
    ]);
  });

/** What a test wants to know of a packet, copied out of the ring. */
function copy(block: PacketBlock) {
  return {
    bytes: block.bytes.slice(block.start, block.start + block.capturedLength),
    wireLength: block.wireLength,
    packetType: block.packetType,
    vlan: block.vlanPresent ? { tci: block.vlanTci, tpid: block.vlanTpid } : undefined,
    status: block.status,
    atMs: block.seconds * 1000 + block.nanoseconds / 1e6,
    timedOut: block.timedOut,
    losing: block.losing,
  };
}
type Copy = ReturnType<typeof copy>;

/** Empties the ring of what is in it now. */
function drain(socket: PacketSocket): Copy[] {
  const packets: Copy[] = [];
  for (let block = socket.ring.take(); block !== undefined; block = socket.ring.take()) {
    while (block.next()) packets.push(copy(block));
    socket.ring.release();
  }
  return packets;
}

/** `toEqual` on so many bytes takes seconds. */
function expectSame(packets: readonly Copy[], frames: readonly Uint8Array[]): void {
  expect(packets).toHaveLength(frames.length);
  expect(packets.findIndex(({ bytes }, index) => Buffer.compare(bytes, frames[index]!) !== 0)).toBe(-1);
}

/** Reads until so many packets came, and whatever came with them. */
function read(socket: PacketSocket, count: number): Copy[] {
  const poll = new PollSet([socket.fd]);
  const packets: Copy[] = [];
  while (packets.length < count) {
    if (poll.wait(5000) === 0) throw new Error(`${packets.length} packets came, ${count} were expected`);
    packets.push(...drain(socket));
  }
  return packets;
}

describe.runIf(possible.ok)(title, () => {
  let hosts: Hosts;
  let host: Host;
  const open: { close(): void }[] = [];
  const opened = <T extends { close(): void }>(resource: T): T => {
    open.push(resource);
    return resource;
  };
  /** The host's `eth0`, which receives what `wire` sends. */
  const capture = (options: Partial<RingSocketOptions> = {}, device = 'eth0') =>
    opened(
      hosts.inside(host, () =>
        PacketSocket.open({ ...small, interfaceIndex: hosts.interfaceIndex(host, device), ...options }),
      ),
    );
  const attached = (program: Program, options: Partial<RingSocketOptions> = {}, device = 'eth0') => {
    const socket = capture(options, device);
    socket.attach(encodeProgram(program));
    return socket;
  };
  const sender = (at: Host | Hosts['hub'], device: string) =>
    opened(hosts.inside(at, () => PacketSender.open({ interfaceIndex: hosts.interfaceIndex(at, device) })));
  const small = { blockBytes: 1 << 16, blockCount: 8, blockTimeoutMs: 20 };
  let wire: PacketSender;

  beforeAll(async () => {
    hosts = await createHosts({ count: 1 });
    host = hosts.host(1);
  });
  beforeEach(() => {
    wire = sender(hosts.hub, 'h1');
  });
  afterEach(() => {
    for (const resource of open.splice(0)) resource.close();
  });
  afterAll(() => hosts?.remove());

  describe('captures', () => {
    it('every packet its program accepts, in order, byte for byte, also round the ring', () => {
      const socket = attached(experiments());
      // 10 x 300 frames of 570 bytes on average are 27 blocks; the ring has 8.
      for (let round = 0; round < 10; round++) {
        const frames = numbered(300, round * 300);
        expect(wire.send(frames)).toBe(300);
        expectSame(read(socket, 300), frames);
      }
      expect(socket.statistics()).toEqual({ passed: 3000, dropped: 0, freezes: 0 });
    });

    it('nothing before a program is attached', () => {
      const socket = capture();
      wire.send(numbered(50));
      socket.attach(encodeProgram(everyPacket));
      wire.send(numbered(1, 99));
      expect(
        read(socket, 1)
          .filter(({ bytes }) => bytes[12] === EXPERIMENT >> 8)
          .map(({ bytes }) => bytes),
      ).toEqual(numbered(1, 99));
    });

    it('as many bytes as the program says, and tells how long the packet was', () => {
      const socket = attached(experiments(40));
      wire.send(numbered(1, 500));
      const [packet] = read(socket, 1);
      expect(packet).toMatchObject({ bytes: numbered(1, 500)[0]!.subarray(0, 40), wireLength: 14 + 3 + 46 + 500 });
    });

    it('with the time the packet came', () => {
      const socket = attached(experiments());
      const before = Date.now();
      wire.send(numbered(1));
      const [packet] = read(socket, 1);
      expect(packet!.atMs).toBeGreaterThanOrEqual(before);
      expect(packet!.atMs).toBeLessThanOrEqual(Date.now() + 1);
    });

    it('a block that is not full, when its time is up', () => {
      const socket = attached(experiments());
      wire.send(numbered(1));
      expect(read(socket, 1)).toMatchObject([{ timedOut: true }]);
    });

    it('into a block that tells how much is in it before it is handed over', () => {
      const socket = attached(experiments(), { blockTimeoutMs: 1000 });
      expect(socket.ring.pendingPackets()).toBe(0);
      wire.send(numbered(3));
      expect([socket.ring.take(), socket.ring.pendingPackets()]).toEqual([undefined, 3]);
      expect(read(socket, 3)).toHaveLength(3);
      expect(socket.ring.pendingPackets()).toBe(0);
    });

    it('what the kernel merged or has yet to cut, up to 64 KiB, whole', async () => {
      const tcp: Program = [
        statement(BPF.LD | BPF.B | BPF.ABS, 23),
        jump(BPF.JMP | BPF.JEQ | BPF.K, 6, 0, 1),
        statement(BPF.RET | BPF.K, 262_144),
        statement(BPF.RET | BPF.K, 0),
      ];
      const socket = attached(tcp, { blockBytes: 1 << 18 }, 'lo');
      const script = `const server = require('net').createServer((s) => s.resume().on('end', () => server.close()));
        server.listen(7, '127.0.0.1', () => require('net').connect(7, '127.0.0.1').end(Buffer.alloc(1 << 19)));`;
      await hosts.exec(host, [process.execPath, '-e', script]);
      const longest = drain(socket).reduce((one, other) => (one.wireLength > other.wireLength ? one : other));
      expect(longest.wireLength).toBeGreaterThan(32_768);
      expect(longest.bytes).toHaveLength(longest.wireLength);
      expect(socket.statistics().dropped).toBe(0);
    });

    it('what this host sends, marked as outgoing', () => {
      const socket = attached(experiments());
      sender(host, 'eth0').send(numbered(1));
      expect(read(socket, 1)).toMatchObject([{ packetType: PacketType.outgoing }]);
    });

    it('only what this host receives, when asked to', () => {
      const socket = attached(experiments(), { ignoreOutgoing: true });
      sender(host, 'eth0').send(numbered(5));
      wire.send(numbered(1, 7));
      expect(read(socket, 1)).toMatchObject([{ bytes: numbered(1, 7)[0], packetType: PacketType.broadcast }]);
    });

    it('each packet on lo once, though it goes out and comes in there', () => {
      const socket = attached(experiments(), {}, 'lo');
      const frames = numbered(20);
      sender(host, 'lo').send(frames);
      // The fence tells that all copies of the frames before it are in.
      sender(host, 'lo').send(numbered(1, 999));
      expect(read(socket, 21).map(({ bytes }) => bytes)).toEqual([...frames, ...numbered(1, 999)]);
    });

    it('checksums that are not computed yet as they are, with a flag', async () => {
      const udp: Program = [
        statement(BPF.LD | BPF.B | BPF.ABS, 23),
        jump(BPF.JMP | BPF.JEQ | BPF.K, 17, 0, 1),
        statement(BPF.RET | BPF.K, 262_144),
        statement(BPF.RET | BPF.K, 0),
      ];
      const socket = attached(udp, {}, 'lo');
      const script = `const s = require('dgram').createSocket('udp4'); s.send('x', 9, '127.0.0.1', () => s.close())`;
      await hosts.exec(host, [process.execPath, '-e', script]);
      const [packet] = read(socket, 1);
      expect(packet!.status & TP_STATUS.checksumNotReady).not.toBe(0);
    });
  });

  describe('sees a VLAN tag', () => {
    const inner = [EXPERIMENT >> 8, EXPERIMENT & 0xff];
    const payload = Array<number>(50).fill(7);
    const receive = (header: number[]) => {
      const socket = attached(everyPacket);
      const fence = frame([1, 2, 3]);
      wire.send([frame(payload, header), fence]);
      const packets: Copy[] = [];
      while (!packets.some(({ bytes }) => bytes.length === fence.length)) packets.push(...read(socket, 1));
      return packets.filter(({ bytes }) => bytes.at(-1) === 7);
    };

    it('802.1Q: taken out of the bytes, in the metadata', () => {
      expect(receive([0x81, 0x00, 0xa0, 0x64, ...inner])).toMatchObject([
        { bytes: frame(payload), wireLength: 14 + 50, vlan: { tci: 0xa064, tpid: 0x8100 } },
      ]);
    });

    it('802.1ad: the outer one in the metadata, the inner one in the bytes', () => {
      expect(receive([0x88, 0xa8, 0x00, 0x0a, 0x81, 0x00, 0x00, 0x14, ...inner])).toMatchObject([
        { bytes: frame(payload, [0x81, 0x00, 0x00, 0x14, ...inner]), vlan: { tci: 10, tpid: 0x88a8 } },
      ]);
    });

    it('0x9100: left in the bytes', () => {
      const header = [0x91, 0x00, 0x00, 0x0a, ...inner];
      expect(receive(header)).toMatchObject([{ bytes: frame(payload, header), vlan: undefined }]);
    });

    it('with priority only, VLAN id 0: a tag all the same', () => {
      expect(receive([0x81, 0x00, 0x00, 0x00, ...inner])).toMatchObject([{ vlan: { tci: 0, tpid: 0x8100 } }]);
    });
  });

  describe('counts', () => {
    it('packets that passed the program, and of these the ones that found no room', () => {
      const socket = attached(experiments(), { blockCount: 2 });
      for (let round = 0; round < 5; round++) wire.send(numbered(200));
      const captured = drain(socket).length;
      const { passed, dropped, freezes } = socket.statistics();
      expect(passed).toBe(1000);
      expect(dropped).toBe(1000 - captured);
      expect(freezes).toBe(1);
      expect(captured).toBeGreaterThan(100);
    });

    it('on from the last reading, which the kernel clears', () => {
      const socket = attached(experiments());
      wire.send(numbered(3));
      expect(socket.statistics().passed).toBe(3);
      expect(socket.statistics().passed).toBe(3);
      wire.send(numbered(2));
      expect(socket.statistics().passed).toBe(5);
    });

    it('nothing the program rejected', () => {
      const socket = attached(experiments());
      wire.send([frame([0], [0x88, 0xb6])]);
      expect(socket.statistics()).toEqual({ passed: 0, dropped: 0, freezes: 0 });
    });

    it('and marks the blocks after a loss until the statistics are read', () => {
      const socket = attached(experiments(), { blockCount: 2 });
      for (let round = 0; round < 3; round++) wire.send(numbered(200));
      drain(socket);
      wire.send(numbered(1));
      expect(read(socket, 1).at(-1)).toMatchObject({ losing: true });
      socket.statistics();
      wire.send(numbered(1));
      expect(read(socket, 1).at(-1)).toMatchObject({ losing: false });
    });
  });

  describe('has a program', () => {
    it('that reads back as it was attached', () => {
      const socket = capture();
      const program = encodeProgram(experiments(77));
      socket.attach(program);
      expect(socket.readBack()).toEqual(program);
    });

    it('that rejects everything at first', () => {
      expect(capture().readBack()).toEqual(encodeProgram([statement(BPF.RET | BPF.K, 0)]));
    });

    it('that stays when the next one is too large', () => {
      const socket = attached(experiments());
      expect(() => socket.attach(encodeProgram(tooLarge))).toThrow(
        expect.objectContaining({ code: 'ATTACH_REFUSED', hint: expect.stringContaining('net.core.optmem_max (now ') }),
      );
      expect(socket.readBack()).toEqual(encodeProgram(experiments()));
      wire.send(numbered(1));
      expect(read(socket, 1)).toHaveLength(1);
    });

    it('that stays when the next one is invalid', () => {
      const socket = attached(experiments());
      const endless = encodeProgram([statement(BPF.LD | BPF.W | BPF.ABS, 0)]);
      expect(() => socket.attach(endless)).toThrow(expect.objectContaining({ code: 'ATTACH_REFUSED' }));
      expect(socket.readBack()).toEqual(encodeProgram(experiments()));
    });

    it('that cannot be half an instruction', () => {
      const socket = capture();
      for (const length of [0, 7, 12]) {
        expect(() => socket.attach(new Uint8Array(length))).toThrow(
          expect.objectContaining({ code: 'PROGRAM_INVALID' }),
        );
      }
    });
  });

  describe('when its interface', () => {
    const set = (...words: string[]) => hosts.exec(host, ['ip', 'link', ...words]);

    it('goes down, reports it once, and captures again when it is up', async () => {
      const socket = attached(experiments());
      const poll = new PollSet([socket.fd]);
      await set('set', 'eth0', 'down');
      expect(poll.wait(5000)).toBe(1);
      expect(poll.isFaulty(0)).toBe(true);
      expect(socket.takeError()).toBe('ENETDOWN');
      expect(socket.takeError()).toBeUndefined();
      expect(socket.isInterfaceGone()).toBe(false);
      expect(poll.wait(0)).toBe(0);
      await set('set', 'eth0', 'up');
      await hosts.untilCarries(hosts.hub, 'h1');
      wire.send(numbered(1));
      expect(read(socket, 1)).toHaveLength(1);
    });

    it('is removed, tells that it is gone', async () => {
      await set('add', 'gone0', 'type', 'veth', 'peer', 'name', 'gone1');
      await set('set', 'gone0', 'up');
      const socket = attached(experiments(), {}, 'gone0');
      await set('delete', 'gone0');
      expect(socket.takeError()).toBe('ENETDOWN');
      expect(socket.isInterfaceGone()).toBe(true);
    });

    it('does not exist, is refused with a list of those that do', () => {
      expect(() => capture({ interfaceIndex: 9999 })).toThrow(
        expect.objectContaining({
          code: 'INTERFACE_UNKNOWN',
          message: 'no network interface has the index 9999',
          hint: expect.stringMatching(/^this host has lo \(1\), .*eth0 \(\d+\)/),
        }),
      );
    });
  });

  it('refuses a ring that the kernel could not make', () => {
    expect(() => capture({ blockBytes: 1000 })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  });

  it('is closed once, also when asked twice, and then has no more blocks', () => {
    const socket = attached(experiments());
    wire.send(numbered(1));
    new PollSet([socket.fd]).wait(5000);
    const kept = socket.ring.take()!;
    socket.close();
    socket.close();
    expect(socket.ring.take()).toBeUndefined();
    // Its memory is unmapped: reading that would end the process.
    expect(kept.next()).toBe(false);
    expect(kept.bytes).toHaveLength(0);
    expect(kept.seconds).toBeUndefined();
    socket.ring.release();
  });
});
