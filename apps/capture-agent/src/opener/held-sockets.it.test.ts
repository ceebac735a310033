import { BPF, encodeProgram, statement } from '@bpfleet/bpf';
import { PacketSender } from '@bpfleet/linux';
import { canMakeHosts, createHosts, type Host, type Hosts } from '@bpfleet/test-environment';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { HeldSocketsRig, MiB, membersOf, nameOf, packet } from '../testing/held-sockets-rig.js';
import { dns, web, withMaps } from '../testing/kinds-of-filters.js';
import type { TestFilter } from '../testing/signing-service.js';

const possible = await canMakeHosts();
const title = possible.ok ? 'held sockets' : `held sockets [skipped: ${possible.reason}]`;

describe.runIf(possible.ok)(title, () => {
  let hosts: Hosts;
  let host: Host;
  let rig: HeldSocketsRig;
  beforeAll(async () => {
    hosts = await createHosts({ count: 1 });
    host = hosts.host(1);
  });
  afterAll(() => hosts?.remove());
  beforeEach(async () => {
    const wire = hosts.inside(hosts.hub, () =>
      PacketSender.open({ interfaceIndex: hosts.interfaceIndex(hosts.hub, 'h1') }),
    );
    rig = new HeldSocketsRig(host.namespacePath, wire);
    await rig.start();
  });
  afterEach(() => rig.stop());

  describe('that change', () => {
    it('let pass what either side accepts until the agent has cut, and then the new side alone', async () => {
      await rig.desire(web(1));
      await rig.desire(web(2));
      const reader = rig.readerOf('web');
      const frames = [packet('10.1.0.1', 8001, 6), packet('10.1.0.1', 8002, 6), packet('10.1.0.1', 8003, 6)];
      expect(await rig.states()).toEqual(['web@2 on eth0 pending: the swap is under way']);
      expect(await rig.received(reader, frames, 2)).toEqual([8001, 8002]);
      await rig.settle();
      expect(await rig.states()).toEqual(['web@2 on eth0 attested']);
      expect(await rig.received(reader, frames, 1)).toEqual([8002]);
    });

    it('are taken over together where a filter goes to a socket of its own, and where it comes back', async () => {
      const takenOver = () => rig.sockets.map(({ socket }) => [membersOf(socket)[0]!.filter, socket.takesOver]);
      await rig.desire(web(1), dns(1));
      const [linked] = rig.sockets.splice(0);
      rig.events.length = 0;
      await rig.desire({ ...withMaps('web'), version: 2 }, dns(1));
      expect(takenOver()).toEqual([
        ['web', [linked!.socket.id]],
        ['dns', [linked!.socket.id]],
      ]);
      const both = rig.sockets.map(({ socket }) => socket.id);
      await rig.settle();
      // Read to its end as well.
      await rig.settle();
      rig.events.length = 0;
      await rig.desire(web(3), dns(1));
      expect(takenOver()).toEqual([['web', both]]);
      await rig.settle();
      expect(await rig.states()).toEqual(['web@3 on eth0 attested', 'dns@1 on eth0 attested']);
    });

    it('merge what is wished for while a swap is under way', async () => {
      await rig.desire(web(1));
      for (const version of [2, 3, 4]) await rig.desire(web(version));
      expect(rig.events.filter(({ kind }) => kind === 'swap')).toHaveLength(1);
      await rig.settle();
      expect(rig.events.filter(({ kind }) => kind === 'swap')).toMatchObject([
        { swap: { id: 1, branches: [{ members: [{ version: 2 }] }] } },
        { swap: { id: 2, branches: [{ members: [{ version: 4 }] }] } },
      ]);
      await rig.settle();
      expect(await rig.states()).toEqual(['web@4 on eth0 attested']);
    });

    it('are told of again to a new process, with the swap that is under way, by the same numbers', async () => {
      await rig.desire(web(1));
      await rig.desire(web(2));
      const [before] = rig.sockets;
      const again = await rig.opener.hello(rig.service.key.publicKey);
      expect(rig.sockets).toHaveLength(2);
      expect(rig.sockets[1]!.socket).toMatchObject({
        ...{ id: before!.socket.id, wasRead: true, branches: [{ members: [{ version: 1 }] }] },
        swap: { id: 1, branches: [{ members: [{ version: 2 }] }] },
      });
      const later = await rig.opener.hello(rig.service.key.publicKey);
      expect(later.epoch).toBeGreaterThan(again.epoch);
      await rig.settle();
      expect(await rig.states()).toEqual(['web@2 on eth0 attested']);
    });

    it('let nothing pass any more once they are drained, whatever the agent cuts', async () => {
      await rig.desire(web(1));
      await rig.desire(web(2));
      await rig.desire();
      const [{ socket }] = rig.sockets as [(typeof rig.sockets)[0]];
      const reader = rig.readerOf('web');
      await rig.opener.cut(socket.id, 1);
      expect(reader.readBack()).toEqual(encodeProgram([statement(BPF.RET | BPF.K, 0)]));
      expect(await rig.states()).toEqual([]);
    });

    it('state the filters that they run where another one changes nothing of the program', async () => {
      const everything: TestFilter = { filter: 'all', version: 1, expression: '' };
      await rig.desire(everything);
      for (const filters of [[everything, web(1)], [everything, web(1), dns(1)], [everything]]) {
        await rig.desire(...filters);
        await rig.settle();
        const [statement] = await rig.signedStatements();
        expect(statement!.members).toHaveLength(filters.length);
        expect((await rig.states()).every((state) => state.endsWith('attested'))).toBe(true);
      }
    });

    it('need no cut where only our own connections changed', async () => {
      const order = rig.service.desire([web(1)]);
      await rig.opener.desire(order);
      const reader = rig.readerOf('web');
      const before = reader.readBack();
      await rig.opener.desire({ ...order, excluded: [{ address: '10.1.0.1', port: 8001 }] });
      expect(reader.readBack()).not.toEqual(before);
      expect(rig.events).toEqual([]);
      expect(await rig.states()).toEqual(['web@1 on eth0 attested']);
    });
  });

  describe('and their memory', () => {
    const addLink = async (name: string) => {
      await hosts.exec(host, ['ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', `${name}p`]);
      await hosts.exec(host, ['ip', 'link', 'set', name, 'up']);
    };
    const ringsOf = () => {
      const draining = new Set(rig.events.flatMap((event) => (event.kind === 'draining' ? [event.socket] : [])));
      const live = rig.sockets.filter(({ socket }) => !draining.has(socket.id));
      return live.map(({ socket }) => [nameOf(socket), (socket.ring.blockBytes * socket.ring.blockCount) / MiB]);
    };

    it('share it with interfaces that come later', async () => {
      await rig.desire(web(1));
      expect(ringsOf()).toEqual([['eth0', 16]]);
      await addLink('one');
      // The ring of eth0 gives way to a smaller one, by a cut.
      await rig.until('the new interface', async () => {
        await rig.settle();
        return ringsOf().length === 2;
      });
      expect(new Map(ringsOf() as [string, number][])).toEqual(
        new Map([
          ['eth0', 8],
          ['one', 8],
        ]),
      );
      await hosts.exec(host, ['ip', 'link', 'del', 'one']);
      await rig.until('it to be gone', () => ringsOf().length === 1);
    });

    it('survive an interface that vanishes under load, and know the next of that name for another', async () => {
      await addLink('gone');
      await rig.desire(web(1), dns(1));
      const { socket } = rig.sockets.find((event) => nameOf(event.socket) === 'gone')!;
      await hosts.exec(host, ['ip', 'link', 'set', 'gonep', 'up']);
      const load = hosts.inside(host, () => PacketSender.open({ interfaceIndex: hosts.interfaceIndex(host, 'gonep') }));
      const frames = Array.from({ length: 64 }, () => packet('10.1.0.1', 8001, 6));
      const sending = setInterval(() => {
        try {
          load.send(frames);
        } catch {
          // Its interface went with the other end.
          clearInterval(sending);
        }
      }, 1);
      await hosts.exec(host, ['ip', 'link', 'del', 'gone']);
      await rig.until('the opener to notice', () =>
        rig.events.some((event) => event.kind === 'draining' && event.socket === socket.id),
      );
      clearInterval(sending);
      load.close();
      expect(await rig.states()).toEqual(['web@1 on eth0 attested', 'dns@1 on eth0 attested']);
      await rig.opener.drained(socket.id);
      await addLink('gone');
      await rig.until('the next one', async () => (await rig.states()).length === 4);
      const next = rig.sockets.findLast((event) => nameOf(event.socket) === 'gone')!;
      expect(next.socket.id).not.toBe(socket.id);
      await hosts.exec(host, ['ip', 'link', 'del', 'gone']);
    });
  });
});
