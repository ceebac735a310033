import { execFileSync } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { interfaces, PacketSender } from '@bpfleet/linux';
import { LinkType } from '@bpfleet/packet';
import { forEachPacket, readSection } from '@bpfleet/section';
import { canMakeHosts, createHosts, type Host, type Hosts } from '@bpfleet/test-environment';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { foreignFunctions } from '../../../../libs/linux/src/calls/libc.js';
import { CaptureRig } from '../testing/capture-rig.js';
import { packet } from '../testing/held-sockets-rig.js';

const possible = await canMakeHosts();
const title = possible.ok ? 'between two looks of the opener' : `an opener [skipped: ${possible.reason}]`;
const INDEX = 900;
const EVERYTHING = { filter: 'all', version: 1, expression: 'udp', interfaces: ['x0'] };
/** What RAW is without: the header of Ethernet. */
const MAC_BYTES = 14;

describe.runIf(possible.ok)(title, () => {
  let hosts: Hosts;
  let host: Host;
  let rig: CaptureRig;
  beforeAll(async () => {
    hosts = await createHosts({ count: 1 });
    host = hosts.host(1);
  });
  afterAll(() => hosts?.remove());
  beforeEach(async () => {
    rig = new CaptureRig(host.namespacePath);
    await rig.start();
  });
  afterEach(async () => {
    await rig.stop();
    if (hosts.inside(host, interfaces).some(({ name }) => name === 'x0')) ip('link delete x0');
  });

  /** The opener's thread waits meanwhile: it cannot look in between. */
  const ip = (...commands: string[]): void =>
    void execFileSync('ip', ['-n', host.namespace, '-batch', '-'], { input: commands.join('\n') });
  const UP = 'link set x0 up';
  const MAKE = [`link add x0 index ${INDEX} type veth peer name x1 index ${INDEX + 1}`, 'link set x1 up', UP];

  let nonces = 0;
  const states = async () =>
    (await rig.opener.attest(`nonce-${++nonces}`)).outcomes.map(({ interface: device, linkType, state, reason }) =>
      [device, linkType, state, reason].filter(Boolean).join(' '),
    );
  const opened = () => rig.events.filter(({ kind }) => kind === 'socket').length;
  const untilOpened = (count: number) => rig.until(`socket ${count}`, () => opened() === count);

  async function send(port: number): Promise<void> {
    await hosts.untilCarries(host, 'x0');
    hosts.inside(host, () => {
      const sender = PacketSender.open({ interfaceIndex: INDEX });
      sender.send([packet('10.1.0.1', port)]);
      sender.close();
    });
  }

  /** Link type and source port of each stored packet. */
  async function stored(): Promise<[linkType: number, port: number][]> {
    const found: [number, number][] = [];
    for (const { bytes } of await rig.read()) {
      const blocks = readSection(bytes).interfaces;
      forEachPacket(bytes, ({ interfaceId, start }) => {
        const { linkType } = blocks[interfaceId]!;
        const network = start + (linkType === LinkType.EN10MB ? MAC_BYTES : 0);
        found.push([linkType, new DataView(bytes.buffer, bytes.byteOffset).getUint16(network + 20)]);
        return true;
      });
    }
    return found;
  }
  const untilStored = (...packets: [linkType: number, port: number][]) => expect.poll(stored).toEqual(packets);

  it.each([
    ['is removed and made again with its number', () => ip('link delete x0', ...MAKE)],
    [
      'goes to another network namespace and comes back',
      () => {
        ip(`link set x0 netns ${hosts.hub.namespace}`);
        execFileSync('ip', ['-n', hosts.hub.namespace, 'link', 'set', 'x0', 'netns', host.namespace]);
        ip(UP);
      },
    ],
  ])('an interface that %s is captured again, and the time without a socket is said', async (_, change) => {
    ip(...MAKE);
    await rig.desire(rig.service.desire([EVERYTHING]));
    expect(await states()).toEqual(['x0 EN10MB attested']);
    await send(1);
    change();
    await untilOpened(2);
    await send(2);
    await untilStored([LinkType.EN10MB, 1], [LinkType.EN10MB, 2]);
    const said = /^x0 EN10MB diverged the interface was removed and came again: no socket stood .*Z at the latest$/;
    expect(await states()).toEqual([expect.stringMatching(said)]);
    expect(await states()).toEqual(['x0 EN10MB attested']);
    // Read to its end: the first one's ring is free.
    await expect.poll(async () => (await rig.source.counters()).sockets.length).toBe(1);
  });

  it('an interface that is gone while its socket is opened is captured once it is back', async () => {
    ip(...MAKE);
    rig.whilePlanning = () => ip('link delete x0');
    await rig.desire(rig.service.desire([EVERYTHING]));
    // The opener will find the same interfaces as before.
    ip(...MAKE);
    expect((await rig.opener.attest()).outcomes).toMatchObject([{ state: 'refused' }]);
    await untilOpened(1);
    expect(await states()).toEqual(['x0 EN10MB attested']);
  });

  it('an interface that gets another link type has another socket, which stores packets under it', async () => {
    const tun = hosts.inside(host, () => openTun('x0'));
    try {
      ip(UP);
      await rig.desire(rig.service.desire([EVERYTHING]));
      expect(await states()).toEqual(['x0 RAW attested']);
      const frame = packet('10.1.0.1', 1);
      tun.receive(frame.subarray(MAC_BYTES));
      await untilStored([LinkType.RAW, 1]);
      ip('link set x0 down');
      tun.setHardware(ARPHRD_ETHER);
      ip(UP);
      await untilOpened(2);
      expect(await states()).toEqual(['x0 EN10MB attested']);
      // Nothing to take over: no packet of the one before is one of this.
      expect(rig.events.findLast(({ kind }) => kind === 'socket')).not.toHaveProperty('socket.takesOver');
      tun.receive(packet('10.1.0.1', 2));
      await untilStored([LinkType.RAW, 1], [LinkType.EN10MB, 2]);
    } finally {
      tun.close();
    }
  });
});

const ARPHRD_ETHER = 1;

/** A tun interface: what it receives is what the test says. linux/if_tun.h */
function openTun(name: string) {
  const [TUNSETIFF, TUNSETLINK, IFF_TUN] = [0x400454ca, 0x400454cd, 0x0001];
  const ioctl = foreignFunctions().load(null).func('int ioctl(int, unsigned long, ...)');
  const fd = openSync('/dev/net/tun', 'r+');
  const request = Buffer.alloc(40);
  request.write(name);
  request.writeUInt16LE(IFF_TUN, 16);
  expect(ioctl(fd, TUNSETIFF, 'void *', request)).toBe(0);
  return {
    setHardware: (arphrd: number) => expect(ioctl(fd, TUNSETLINK, 'int', arphrd)).toBe(0),
    /** `struct tun_pi`: no flags, IPv4. */
    receive: (bytes: Uint8Array) => writeSync(fd, Buffer.concat([Uint8Array.of(0, 0, 8, 0), bytes])),
    close: () => closeSync(fd),
  };
}
