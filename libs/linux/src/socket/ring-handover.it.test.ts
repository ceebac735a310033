import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { BPF, encodeProgram, jump, statement } from '@bpfleet/bpf';
import { canMakeHosts, createHosts, type Host, type Hosts } from '@bpfleet/test-environment';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { EventSet } from '../poll/event-set.js';
import { PollSet } from '../poll/poll-set.js';
import type { RingPosition } from '../ring/ring-resume.js';
import { PacketSender } from '../sender/packet-sender.js';
import { PacketSocket } from './packet-socket.js';
import { RingSocket } from './ring-socket.js';

const possible = await canMakeHosts();
const title = possible.ok ? 'a ring that goes from reader to reader' : `a ring [skipped: ${possible.reason}]`;
const BUILT = new URL('../../dist/index.js', import.meta.url).href;

/** An EtherType for experiments (IEEE 802): nothing else on the wire carries it. */
const EXPERIMENT = 0x88b5;
const experiments = encodeProgram([
  statement(BPF.LD | BPF.H | BPF.ABS, 12),
  jump(BPF.JMP | BPF.JEQ | BPF.K, EXPERIMENT, 0, 1),
  statement(BPF.RET | BPF.K, 262_144),
  statement(BPF.RET | BPF.K, 0),
]);
/** A number, behind an Ethernet header. Some 40 of them fill a block. */
const frame = (number: number) =>
  Uint8Array.from([...Array(6).fill(0xff), 2, 0, 0, 0, 0, 1, 0x88, 0xb5, number >> 8, number & 255, ...Array(1400)]);
const numbers = (from: number, count: number) => Array.from({ length: count }, (_, index) => from + index);

describe.runIf(possible.ok)(title, () => {
  let hosts: Hosts;
  let host: Host;
  let wire: PacketSender;
  let owner: RingSocket;
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
  beforeEach(() => {
    const interfaceIndex = hosts.interfaceIndex(hosts.hub, 'h1');
    wire = opened(hosts.inside(hosts.hub, () => PacketSender.open({ interfaceIndex })));
    owner = opened(hosts.inside(host, () => RingSocket.open({ ...ring, interfaceIndex: hosts.interfaceIndex(host) })));
    owner.attach(experiments);
  });
  afterEach(() => {
    for (const resource of open.splice(0)) resource.close();
  });
  const ring = { blockBytes: 1 << 16, blockCount: 4, blockTimeoutMs: 20 };

  const adopt = (resume: boolean | RingPosition) =>
    opened(PacketSocket.adopt(owner.duplicate(), { ...owner, resume, subject: 'eth0' }));
  const send = (from: number, count: number) => wire.send(numbers(from, count).map(frame));
  /** The numbers of a block's packets from the cursor on. */
  function rest(block: ReturnType<PacketSocket['ring']['take']>): number[] {
    const read: number[] = [];
    while (block?.next()) read.push((block.bytes[block.start + 14]! << 8) | block.bytes[block.start + 15]!);
    return read;
  }
  /** Takes blocks, and holds them, until so many packets came. */
  function take(socket: PacketSocket, count: number): number[] {
    const events = new EventSet([socket.fd]);
    const read: number[] = [];
    for (;;) {
      for (let block = socket.ring.take(); block !== undefined; block = socket.ring.take()) read.push(...rest(block));
      if (read.length >= count) break;
      if (events.wait(5000) === 0) throw new Error(`${read.length} packets came, ${count} were expected`);
    }
    events.close();
    return read;
  }

  it('is readable for poll(2) while a block is held, so that only events tell of the next one', () => {
    const socket = adopt(false);
    send(0, 1);
    const events = opened(new EventSet([socket.fd]));
    expect([events.wait(5000), rest(socket.ring.take())]).toEqual([1, [0]]);
    expect([new PollSet([socket.fd]).wait(0), events.wait(0)]).toEqual([1, 0]);
    send(1, 1);
    expect([events.wait(5000), events.isReadable(0), rest(socket.ring.take())]).toEqual([1, true, [1]]);
    socket.ring.release(2);
    expect([new PollSet([socket.fd]).wait(0), events.wait(0)]).toEqual([0, 0]);
  });

  it('tells of an interface that goes down as an event', async () => {
    const events = opened(new EventSet([owner.fd]));
    const set = (state: string) => hosts.exec(host, ['ip', 'link', 'set', 'eth0', state]);
    await set('down');
    expect([events.wait(5000), events.isFaulty(0), events.wait(0)]).toEqual([1, true, 0]);
    await set('up');
    await hosts.untilCarries(hosts.hub, 'h1');
  });

  it('holds nothing from before its program was attached', () => {
    const other = opened(
      hosts.inside(host, () => RingSocket.open({ ...ring, interfaceIndex: hosts.interfaceIndex(host) })),
    );
    const reader = opened(PacketSocket.adopt(other.duplicate(), { ...other, resume: false, subject: 'eth0' }));
    send(0, 3);
    other.attach(experiments);
    send(3, 2);
    expect(take(reader, 2)).toEqual([3, 4]);
    expect(reader.statistics()).toMatchObject({ passed: 2, dropped: 0 });
  });

  it('and its socket stay, with the program, when the reader ends', () => {
    adopt(false).close();
    expect(owner.readBack()).toEqual(experiments);
    owner.rejectAll();
    expect(owner.readBack()).toEqual(Uint8Array.of(6, 0, 0, 0, 0, 0, 0, 0));
  });

  it('can be held as a whole; then packets are lost, and counted', () => {
    const socket = adopt(false);
    send(0, 500);
    const read = take(socket, 100);
    expect([socket.ring.held, socket.ring.take(), socket.ring.pendingPackets()]).toEqual([4, undefined, 0]);
    expect(read).toEqual(numbers(0, read.length));
    expect(socket.statistics()).toMatchObject({ passed: 500, dropped: 500 - read.length });
    const next = socket.ring.openSequence();
    socket.ring.release(4);
    send(500, 1);
    expect(take(socket, 1)).toEqual([500]);
    expect(socket.ring.openSequence()).toBe(next + 1);
  });

  it('begins at the beginning where nothing was read', () => {
    send(0, 60);
    new PollSet([owner.fd]).wait(5000);
    expect(take(adopt(true), 60)).toEqual(numbers(0, 60));
  });

  it('begins at the block that is being filled where all was given back, in every round', () => {
    for (let round = 0; round < 9; round++) {
      const socket = adopt(true);
      send(round, 1);
      expect(take(socket, 1)).toEqual([round]);
      expect(socket.ring.openSequence()).toBe(round + 2);
      socket.ring.release();
      socket.close();
    }
  });

  it('goes on with what was not given back, across the end of the ring', () => {
    const first = adopt(false);
    for (let round = 0; round < 3; round++) {
      send(round, 1);
      expect(take(first, 1)).toEqual([round]);
      first.ring.release();
    }
    send(100, 60);
    const read = take(first, 60);
    expect(first.ring.held).toBeGreaterThan(1);
    first.close();
    expect(take(adopt(true), 60)).toEqual(read);
  });

  it('goes on with the right block when it was full and all of it was given back', () => {
    const first = adopt(false);
    send(0, 500);
    take(first, 100);
    first.ring.release(4);
    first.close();
    const second = adopt(true);
    expect(second.ring.take()).toBeUndefined();
    send(500, 1);
    expect(take(second, 1)).toEqual([500]);
  });

  it('goes on in the middle of a block, and gives older ones back', () => {
    const first = adopt(false);
    send(0, 100);
    expect(take(first, 100)).toEqual(numbers(0, 100));
    const held = first.ring.held;
    first.close();
    const positions = adopt(true).ring;
    positions.take();
    const second = positions.take()!;
    const { sequence } = second;
    const packets = rest(second);
    const third = adopt({ blockSequence: sequence, packets: 7 });
    expect(take(third, 100 - packets[7]!)).toEqual(numbers(packets[7]!, 100 - packets[7]!));
    expect(third.ring.held).toBe(held - 1);
  });

  it('outlives a reader that is killed, which loses nothing', async () => {
    const script = `
      const { PacketSocket, EventSet } = await import(${JSON.stringify(BUILT)});
      const { ring } = PacketSocket.adopt(3, ${JSON.stringify({ ...owner, resume: false, subject: 'eth0' })});
      const events = new EventSet([3]);
      for (let packets = 0; ; ) {
        for (let block = ring.take(); block; block = ring.take()) {
          while (block.next()) packets++;
          if (ring.held === 2) ring.release();
          console.log(packets);
        }
        events.wait(-1);
      }`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit', owner.fd],
    });
    const lines = createInterface(child.stdout!)[Symbol.asyncIterator]();
    const seen = async (packets: number) => {
      while (Number((await lines.next()).value) < packets);
    };
    send(0, 1);
    await seen(1);
    send(1, 1);
    await seen(2);
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
    send(2, 1);
    const heir = adopt(true);
    expect(take(heir, 2)).toEqual([1, 2]);
    // The first was the other's.
    expect(heir.statistics()).toMatchObject({ passed: 2, dropped: 0 });
  });
});
