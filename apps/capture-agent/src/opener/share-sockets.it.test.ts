import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { toTuples } from '@bpfleet/bpf';
import type { BundleProgram } from '@bpfleet/contract';
import { interfaces, matchesPatterns, PacketSender, PacketSocket, RingSocket } from '@bpfleet/linux';
import { compile } from '@bpfleet/pcap-filter';
import { canMakeHosts, createHosts, type Hosts } from '@bpfleet/test-environment';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { foreignFunctions } from '../../../../libs/linux/src/calls/libc.js';
import { randomFrame, randomNumbers } from '../testing/random-frames.js';
import type { KernelProgram } from './kernel-program.js';
import { Linker } from './linker.js';
import { loadFilter } from './load-filter.js';
import { planSockets } from './plan.js';
import { shareSockets } from './share-sockets.js';
import { faultOfSocket, sharedProgram } from './socket-program.js';
import type { VerifiedEntry } from './verify-desired.js';

const possible = await canMakeHosts();
const seed = Number(process.env.BPFLEET_TEST_SEED ?? Date.now() % 1_000_000_000);
const title = possible.ok ? `a shared socket, seed ${seed}` : `a shared socket [skipped: ${possible.reason}]`;

const CABLES = 20;
/** Small enough for twenty of them. */
const ring = { blockBytes: 1 << 16, blockCount: 4, blockTimeoutMs: 5 };

const entry = (filter: string, expression: string, where: readonly string[]): VerifiedEntry => ({
  ...{ digest: `sha256:${Buffer.from(filter).toString('hex')}`, interfaces: where, notAfterMs: undefined },
  bundle: {
    ...{ filter, version: 1, expression, names: [], interfaces: ['*'], direction: 'any', snaplenBytes: 262_144 },
    ...{ sampling: 1, budget: { packetsPerSecond: 0, bytesPerSecond: 0 }, compiler: 'test' },
    programs: ['EN10MB', 'RAW'].map((linkType): BundleProgram => {
      const { program } = compile(expression, { live: true, linkType });
      return { linkType, form: 'live', target: 'cbpf', instructions: toTuples(program), selfTest: [] };
    }),
  },
});

const byText = (one: string, other: string): number => (one < other ? -1 : Number(one > other));

async function until(what: string, holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** What reached a socket so far: interface and bytes. */
function read(socket: PacketSocket): string[] {
  const found: string[] = [];
  for (let block = socket.ring.take(); block !== undefined; block = socket.ring.take()) {
    while (block.next()) {
      const bytes = Buffer.from(block.bytes.slice(block.start, block.start + block.capturedLength));
      found.push(`${block.interfaceIndex} ${block.vlanPresent ? block.vlanTci : ''} ${bytes.toString('hex')}`);
    }
    socket.ring.release();
  }
  return found;
}

describe.runIf(possible.ok)(title, () => {
  let hosts: Hosts;
  let tun: number;
  beforeAll(async () => {
    hosts = await createHosts({ count: 1 });
    const host = hosts.host(1);
    hosts.inside(host, () => writeFileSync('/proc/sys/net/ipv6/conf/all/disable_ipv6', '1'));
    hosts.inside(host, () => writeFileSync('/proc/sys/net/ipv6/conf/default/disable_ipv6', '1'));
    for (let each = 1; each <= CABLES; each++) {
      await hosts.exec(host, ['ip', 'link', 'add', `e${each}`, 'type', 'veth', 'peer', 'name', `p${each}`]);
      for (const name of [`e${each}`, `p${each}`]) await hosts.exec(host, ['ip', 'link', 'set', name, 'up']);
    }
    tun = hosts.inside(host, () => makeTun('tun9'));
    await hosts.exec(host, ['ip', 'link', 'set', 'tun9', 'up']);
  });
  afterAll(async () => {
    closeSync(tun);
    await hosts.remove();
  });

  it('lets through what a socket on each interface lets through, of any link type, and of lo once', async () => {
    const host = hosts.host(1);
    const inside = <T>(action: () => T): T => hosts.inside(host, action);
    const { sockets: planned } = planSockets({
      entries: [
        entry('tcp', 'tcp', ['*', '!p*']),
        entry('udp', 'udp port 53 or udp port 123', ['e1*', 'tun9']),
        entry('net', 'src net 10.0.2.0/24', ['lo', 'e2', 'e3', 'tun9']),
      ],
      ...{ refused: [], interfaces: inside(interfaces), excluded: [], linkerVersion: 1, matches: matchesPatterns },
      ...{
        mayOpen: (name) => name !== 'eth0',
        selfTestOf: () => ({ packets: 0, inKernel: 0 }),
        faultOf: () => undefined,
      },
    });
    const linker = new Linker();
    const [wish, ...others] = shareSockets(planned, {
      ...{ areShared: false, faultOf: (branches) => faultOfSocket({ isShared: true, branches }, linker) },
    });
    expect([wish!.isShared, others, planned.length]).toEqual([true, [], CABLES + 2]);
    // tun9; lo, e2 and e3; e1 and e10 to e19; the rest.
    const sizes = wish!.branches.map((branch) => branch.interfaces.length);
    expect(sizes.sort((one, other) => one - other)).toEqual([1, 3, 7, 11]);

    const open: { close(): void }[] = [];
    const opened = <T extends { close(): void }>(resource: T): T => {
      open.push(resource);
      return resource;
    };
    try {
      const alone = planned.map(({ interface: { index }, members, context }) => {
        const socket = opened(inside(() => PacketSocket.open({ ...ring, interfaceIndex: index })));
        const linked = linker.program(members, context, 'cbpf');
        if (linked.target === 'cbpf') socket.attach(linked.bytes);
        return socket;
      });
      const all = opened(inside(() => PacketSocket.open({ ...ring, blockCount: 64, interfaceIndex: 0 })));
      const { bytes: program } = sharedProgram(wish!.branches, linker, 'cbpf') as { bytes: Uint8Array };
      all.attach(program);
      expect(all.readBack()).toEqual(program);
      const extended = sharedProgram(wish!.branches, linker, 'ebpf') as Extract<KernelProgram, { target: 'ebpf' }>;
      const allExtended = opened(inside(() => withExtended(extended)));

      const random = randomNumbers(seed);
      const frames = () => Array.from({ length: 60 }, () => randomFrame(random));
      for (const name of ['lo', ...Array.from({ length: CABLES }, (_, each) => `p${each + 1}`)]) {
        const wire = opened(inside(() => PacketSender.open({ interfaceIndex: hosts.interfaceIndex(host, name) })));
        const batch = frames();
        expect(wire.send(batch)).toBe(batch.length);
      }
      const packets = frames().filter((frame) => frame.length > 60 && frame[12] === 8 && frame[13] === 0);
      for (const frame of packets) writeSync(tun, frame, 14);

      const expected = alone.map((): string[] => []);
      const [together, extendedTogether]: string[][] = [[], []];
      const sockets = [
        { socket: all, into: together! },
        { socket: allExtended, into: extendedTogether! },
        ...alone.map((socket, at) => ({ socket, into: expected[at]! })),
      ];
      // Blocks that are not full come when their time is over.
      await until('all that passed', () => {
        for (const { socket, into } of sockets) into.push(...read(socket));
        const isRead = sockets.every(({ socket, into }) => into.length === socket.statistics().passed);
        // Where nothing passes nothing is proven.
        const isProven = expected.every((one) => one.length > 0);
        const least = expected.flat().length;
        return isRead && isProven && together!.length >= least && extendedTogether!.length >= least;
      });
      expect(together!.toSorted(byText)).toEqual(expected.flat().toSorted(byText));
      expect(extendedTogether!.toSorted(byText)).toEqual(expected.flat().toSorted(byText));
      expect(sockets.filter(({ socket }) => socket.statistics().dropped > 0)).toEqual([]);
    } finally {
      for (const resource of open) resource.close();
    }
  });
});

/** Bound to no interface. */
function withExtended({ filter }: Extract<KernelProgram, { target: 'ebpf' }>): PacketSocket {
  const socket = RingSocket.open({ ...ring, blockCount: 64, interfaceIndex: 0 });
  const loaded = loadFilter(filter);
  socket.attachLoaded(loaded.program);
  loaded.close();
  const { geometry, skipOutgoing } = socket;
  return PacketSocket.adopt(socket.fd, { geometry, skipOutgoing, resume: false, subject: 'all interfaces' });
}

/** As in cooked-capture.it.test.ts: IP packets that are written to it come in. */
function makeTun(name: string): number {
  const [TUNSETIFF, IFF_TUN, IFF_NO_PI] = [0x400454ca, 0x0001, 0x1000];
  const ioctl = foreignFunctions().load(null).func('int ioctl(int, unsigned long, ...)');
  const fd = openSync('/dev/net/tun', 'r+');
  const request = Buffer.alloc(40);
  request.write(name);
  request.writeUInt16LE(IFF_TUN | IFF_NO_PI, 16);
  expect(ioctl(fd, TUNSETIFF, 'void *', request)).toBe(0);
  return fd;
}
