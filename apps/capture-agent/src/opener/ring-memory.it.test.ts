import { PacketSender, type PacketSocket } from '@bpfleet/linux';
import { canMakeHosts, createHosts, type Host, type Hosts } from '@bpfleet/test-environment';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CaptureRig } from '../testing/capture-rig.js';
import { numberAt, numberedFrame } from '../testing/numbered-packets.js';
import { OpenerRig } from '../testing/opener-rig.js';
import type { TestFilter } from '../testing/signing-service.js';

const possible = await canMakeHosts();
const title = possible.ok ? 'the memory for rings' : `the memory for rings [skipped: ${possible.reason}]`;
const MiB = 1024 * 1024;
const BUDGET_BYTES = 16 * MiB;

const one: TestFilter = { filter: 'one', version: 1, expression: 'udp dst port 9999', interfaces: ['eth0'] };
const two: TestFilter = { filter: 'two', version: 1, expression: 'udp', interfaces: ['*'] };

describe.runIf(possible.ok)(title, () => {
  let hosts: Hosts;
  let host: Host;
  beforeAll(async () => {
    hosts = await createHosts({ count: 1 });
    host = hosts.host(1);
  });
  afterAll(() => hosts?.remove());

  const addLink = async (name: string) => {
    await hosts.exec(host, ['ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', `${name}-peer`]);
    await hosts.exec(host, ['ip', 'link', 'set', name, 'up']);
  };
  const removeLink = (name: string) => hosts.exec(host, ['ip', 'link', 'del', name]);
  /** Numbered UDP packets to eth0. */
  const send = (numbers: readonly number[], port: number) => {
    const wire = hosts.inside(hosts.hub, () =>
      PacketSender.open({ interfaceIndex: hosts.interfaceIndex(hosts.hub, 'h1') }),
    );
    expect(wire.send(numbers.map((number) => numberedFrame(number, 9, port)))).toBe(numbers.length);
    wire.close();
  };

  describe('that one socket has', () => {
    let rig: CaptureRig;
    beforeEach(async () => {
      await addLink('late');
      rig = new CaptureRig(host.namespacePath);
      await rig.start();
    });
    afterEach(async () => {
      await rig.stop();
      await removeLink('late');
    });
    const states = async () =>
      (await rig.opener.attest()).outcomes.map(({ filter, interface: on, state }) => `${filter} on ${on} ${state}`);

    it('is shared where a filter comes for its interface and for another', async () => {
      await rig.desire(rig.service.desire([one]));
      await rig.settled();
      const { outcomes } = await rig.desire(rig.service.desire([one, two]));
      expect(outcomes.map(({ filter, interface: on }) => `${filter} on ${on}`).sort()).toEqual([
        'one on eth0',
        'two on eth0',
        'two on late',
      ]);
      await rig.settled();
      expect((await states()).sort()).toEqual(['one on eth0 attested', 'two on eth0 attested', 'two on late attested']);
      send([1, 2, 3], 53);
      await rig.until('packets of the second filter', async () => {
        const { versions } = await rig.source.counters();
        return versions.some((row) => row.version === 'two@1' && row.interface === 'eth0' && row.matched === 3);
      });
    });
  });

  describe('while nobody reads', () => {
    let rig: OpenerRig;
    const readers: PacketSocket[] = [];
    beforeEach(async () => {
      rig = new OpenerRig(host.namespacePath, { ringBudgetBytes: BUDGET_BYTES });
      await rig.start();
    });
    afterEach(async () => {
      await rig.stop();
      for (const reader of readers.splice(0)) reader.close();
    });

    const ringsBytes = () =>
      rig.sockets.reduce((sum, { socket }) => sum + socket.ring.blockBytes * socket.ring.blockCount, 0);
    const isOn = (name: string) => async () => (await rig.states()).some((state) => state.includes(`on ${name} `));

    it('keeps every ring until it was read, and has no more of them than for twice the budget', async () => {
      await rig.opener.desire(rig.service.desire([two]));
      send([1, 2, 3], 53);
      const names = ['v1', 'v2', 'v3', 'v4'];
      for (const name of names) {
        await addLink(name);
        await rig.until(name, isOn(name));
      }
      expect(await rig.states()).toEqual(
        expect.arrayContaining([expect.stringMatching(/two@1 on v4 pending: it waits/)]),
      );
      for (const name of names) {
        await removeLink(name);
        await rig.until(`${name} to be gone`, async () => !(await isOn(name)()));
      }
      expect(rig.sockets.length).toBeGreaterThan(1);
      expect(ringsBytes()).toBeLessThanOrEqual(2 * BUDGET_BYTES);
      // As the next process does.
      await rig.opener.hello(rig.service.key.publicKey);
      const [first] = rig.sockets;
      expect(rig.sockets.filter(({ socket }) => socket.id === first!.socket.id)).toHaveLength(2);
      expect(numbersIn(readers[readers.push(rig.read(first!)) - 1]!)).toEqual([1, 2, 3]);
      rig.events.splice(rig.events.indexOf(first!), 1);
    });

    it('lets what waits go on once rings were read', async () => {
      await rig.opener.desire(rig.service.desire([two]));
      for (const name of ['v1', 'v2']) {
        await addLink(name);
        await rig.until(name, isOn(name));
      }
      const states = await rig.states();
      expect(states).toHaveLength(3);
      expect(states).toContain('two@1 on v1 attested');
      expect(states).toContainEqual(expect.stringMatching('two@1 on eth0 pending'));
      expect(states).toContainEqual(expect.stringMatching(/two@1 on v2 pending: it waits/));
      await rig.until('all to run', async () => {
        await rig.settle();
        return (await rig.states()).every((state) => state.endsWith('attested'));
      });
      expect(await rig.states()).toHaveLength(3);
      expect(rig.events.filter(({ kind }) => kind === 'changed').length).toBeGreaterThan(0);
      for (const name of ['v1', 'v2']) await removeLink(name);
    });
  });
});

/** Of all packets that are in a ring. */
function numbersIn({ ring }: PacketSocket): number[] {
  const found: number[] = [];
  for (let block = ring.take(); block !== undefined; block = ring.take()) {
    while (block.next()) found.push(numberAt(block.bytes, block.start));
    ring.release();
  }
  return found;
}
