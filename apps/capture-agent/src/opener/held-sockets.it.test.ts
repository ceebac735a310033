import { readFileSync, writeFileSync } from 'node:fs';
import { BPF, encodeProgram, statement, toEbpfTuples } from '@bpfleet/bpf';
import { type BundleProgram, openDocument, statementKind, toBase64 } from '@bpfleet/contract';
import { PacketSender, type PacketSocket } from '@bpfleet/linux';
import { compileEbpf, selfTestPackets } from '@bpfleet/pcap-filter';
import { nodeCrypto } from '@bpfleet/service';
import { canMakeHosts, createHosts, type Host, type Hosts } from '@bpfleet/test-environment';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { libc } from '../../../../libs/linux/src/calls/libc.js';
import { type CaptureSocket, TAKEN_OVER } from '../border/opener-port.js';
import { OpenerRig } from '../testing/opener-rig.js';
import type { TestFilter } from '../testing/signing-service.js';

const possible = await canMakeHosts();
const title = possible.ok ? 'held sockets' : `held sockets [skipped: ${possible.reason}]`;
const MiB = 1024 * 1024;

const accepting = (bytes: number) => encodeProgram([statement(BPF.RET | BPF.K, bytes)]);
const web = (version: number): TestFilter => ({ filter: 'web', version, expression: `tcp port ${8000 + version}` });
const dns = (version: number): TestFilter => ({ filter: 'dns', version, expression: `udp port ${5300 + version}` });
/** Addresses that no range or mask joins, some of them known to the tests. */
const list = (count: number, net: number) => [
  ...[7, 14].map((last) => `10.${net}.0.${last}`),
  ...Array.from({ length: count - 2 }, (_, index) => {
    const hash = Math.imul(index + 1, 2_654_435_761) >>> 0;
    return `10.${net}.${(hash >>> 24) | 1}.${(hash >>> 16) & 255}`;
  }),
];
const long = (filter: string, net: number, count = 900): TestFilter => ({
  ...{ filter, version: 1, expression: `src host (${list(count, net).join(' or ')})` },
});
const withMaps = (filter: string, version = 1): TestFilter => {
  const { filter: compiled, stages } = compileEbpf('ip src host in {@list}', {
    ...{ live: true, names: { sets: { list: list(3000, 9) } } },
  });
  const program: BundleProgram = {
    ...{ linkType: 'EN10MB', form: 'live', target: 'ebpf', instructions: toEbpfTuples(compiled.program) },
    maps: compiled.maps.map((map) => ({ ...map, keys: toBase64(map.keys) })),
    selfTest: selfTestPackets({ stages }).packets.map(({ bytes, ...packet }) => ({
      ...packet,
      bytes: toBase64(bytes),
    })),
  };
  return { filter, version, expression: 'ip src host in {@list}', programs: [program] };
};

/** TCP or UDP from an address and port to 198.51.100.1:9. */
function packet(source: string, sourcePort: number, protocol = 17): Uint8Array {
  const bytes = new Uint8Array(60);
  bytes.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 46, 0, 0, 0, 0, 64, protocol]);
  bytes.set([...source.split('.').map(Number), 198, 51, 100, 1], 26);
  new DataView(bytes.buffer).setUint32(34, (sourcePort << 16) | 9);
  return bytes;
}

const membersOf = ({ branches }: CaptureSocket) => branches[0]!.members;
const nameOf = ({ branches }: CaptureSocket) => branches[0]!.interfaces[0]!.name;

/** The source ports of what came so far. */
function ports(reader: PacketSocket): number[] {
  const found: number[] = [];
  for (let block = reader.ring.take(); block !== undefined; block = reader.ring.take()) {
    const view = new DataView(block.bytes.buffer, block.bytes.byteOffset);
    while (block.next()) found.push(view.getUint16(block.start + 34));
    reader.ring.release();
  }
  return found;
}

describe.runIf(possible.ok)(title, () => {
  let hosts: Hosts;
  let host: Host;
  let rig: OpenerRig;
  let wire: PacketSender;
  const readers: PacketSocket[] = [];
  beforeAll(async () => {
    hosts = await createHosts({ count: 1 });
    host = hosts.host(1);
  });
  afterAll(() => hosts?.remove());
  beforeEach(async () => {
    wire = hosts.inside(hosts.hub, () => PacketSender.open({ interfaceIndex: hosts.interfaceIndex(hosts.hub, 'h1') }));
    rig = new OpenerRig(host.namespacePath, { ringBudgetBytes: 16 * MiB });
    await rig.start();
  });
  afterEach(async () => {
    for (const reader of readers.splice(0)) reader.close();
    wire.close();
    await rig.stop();
  });

  const desire = (...filters: readonly TestFilter[]) => rig.opener.desire(rig.service.desire(filters));
  const readerOf = (filter: string) => {
    const event = rig.sockets.findLast(({ socket }) => membersOf(socket).some((member) => member.filter === filter))!;
    const reader = rig.read(event);
    // It is closed with the reader.
    rig.events.splice(rig.events.indexOf(event), 1);
    readers.push(reader);
    return reader;
  };
  /** What sends until as many came as were sent, and no more. */
  async function received(reader: PacketSocket, frames: readonly Uint8Array[], count: number): Promise<number[]> {
    const found: number[] = [];
    wire.send(frames);
    await rig.until('packets', () => found.push(...ports(reader)) >= count);
    return found;
  }
  const signedStatements = async () => {
    const { identityPublicKey } = await rig.opener.hello(rig.service.key.publicKey);
    const { statements } = await rig.opener.attest('nonce');
    const verification = { keys: [identityPublicKey], crypto: nodeCrypto };
    return statements.map((envelope) => openDocument(statementKind, envelope, verification));
  };

  describe('of eBPF', () => {
    it('run a filter with maps by itself, and attest what was loaded', async () => {
      await desire(withMaps('list'), web(1));
      expect(await rig.states()).toEqual(['list@1 on eth0 attested (loaded): own socket', 'web@1 on eth0 attested']);
      const reader = readerOf('list');
      const found = await received(reader, [packet('10.9.0.7', 1), packet('10.9.0.8', 2), packet('10.9.0.14', 3)], 2);
      expect(found).toEqual([1, 3]);
      const [ofList, ofWeb] = await signedStatements();
      expect(ofList).toMatchObject({
        ...{ target: 'ebpf', interface: 'eth0', linkType: 'EN10MB' },
        evidence: { kind: 'loaded', maps: [expect.stringMatching(/^sha256:/)], mapsFrozen: true },
      });
      if (ofList!.evidence.kind !== 'loaded') throw new Error('no evidence');
      const { canary } = ofList!.evidence;
      expect([canary.packets > 2, canary.passed]).toEqual([true, canary.packets]);
      expect(ofWeb).toMatchObject({ target: 'cbpf', evidence: { kind: 'read back' } });
    });

    it('refuse our own connections too', async () => {
      const order = rig.service.desire([withMaps('list')]);
      const notOurs = { address: '10.9.0.14', port: 9999 };
      await rig.opener.desire({ ...order, excluded: [{ address: '10.9.0.7', port: 443 }, notOurs] });
      expect((await rig.opener.attest()).notExcluded).toContain('10.9.0.14 port 9999 may be captured');
      expect(await rig.states()).toEqual(['list@1 on eth0 attested (loaded): own socket']);
      const own = packet('10.9.0.7', 443, 6);
      expect(
        await received(readerOf('list'), [own, packet('10.9.0.7', 444, 6), own, packet('10.9.0.14', 9999, 6)], 2),
      ).toEqual([444, 9999]);
      expect((await signedStatements())[0]!.excluded).toEqual([{ address: '10.9.0.7', port: 443 }]);
    });

    it('run what is too long for a classic program', async () => {
      const filters = [long('a', 1), long('b', 2), long('c', 3), long('d', 4)];
      await desire(...filters);
      expect(await rig.states()).toEqual(filters.map(({ filter }) => `${filter}@1 on eth0 attested (loaded)`));
      expect(rig.sockets).toHaveLength(1);
      const found = await received(
        readerOf('a'),
        [packet('10.1.0.7', 1), packet('10.5.0.7', 2), packet('10.4.0.14', 3)],
        2,
      );
      expect(found).toEqual([1, 3]);
    });

    it('see it when another program is there instead', async () => {
      await desire(withMaps('list'));
      readerOf('list').attach(accepting(96));
      expect(await rig.states()).toEqual([
        expect.stringMatching('diverged: the kernel ran another program; it was attached again'),
      ]);
      expect(await rig.states()).toEqual(['list@1 on eth0 attested (loaded): own socket']);
    });
  });

  describe('where another program was attached', () => {
    it('are diverged until it was reported, and run the right one', async () => {
      await desire(web(1));
      const reader = readerOf('web');
      const before = reader.readBack();
      reader.attach(accepting(96));
      await rig.opener.desire(rig.service.desire([web(1)]));
      expect(await rig.states()).toEqual([expect.stringMatching(/^web@1 on eth0 diverged/)]);
      expect(reader.readBack()).toEqual(before);
      expect(await rig.states()).toEqual(['web@1 on eth0 attested']);
    });

    it('are replaced when it was locked', async () => {
      await desire(web(1));
      const [SOL_SOCKET, SO_LOCK_FILTER] = [1, 44];
      const reader = readerOf('web');
      reader.attach(accepting(96));
      expect(libc().setsockopt(reader.fd, SOL_SOCKET, SO_LOCK_FILTER, Uint8Array.of(1, 0, 0, 0), 4)).toBe(0);
      await rig.opener.attest();
      expect(await rig.states()).toEqual(['web@1 on eth0 attested']);
      expect(rig.sockets).toHaveLength(1);
      expect(rig.events.map(({ kind }) => kind)).toContain('draining');
      expect(await received(readerOf('web'), [packet('10.1.0.1', 8001, 6), packet('10.1.0.1', 9, 6)], 1)).toEqual([
        8001,
      ]);
    });
  });

  describe('with little memory for programs', () => {
    const limit = '/proc/sys/net/core/optmem_max';
    let before = '';
    beforeEach(() => {
      before = readFileSync(limit, 'utf8');
    });
    afterEach(() => writeFileSync(limit, before));

    it('run by themselves what does not fit together, the longest first', async () => {
      writeFileSync(limit, '9000');
      await desire(long('a', 1, 400), long('b', 2, 500), web(1));
      expect(await rig.states()).toEqual([
        'b@1 on eth0 attested: own socket',
        'a@1 on eth0 attested',
        'web@1 on eth0 attested',
      ]);
    });

    it('refuse what does not fit at all, and go on', async () => {
      writeFileSync(limit, '3000');
      await desire(long('a', 1), web(1));
      expect(await rig.states()).toEqual([
        'web@1 on eth0 attested',
        expect.stringMatching(/^a@1 on eth0 refused: .*optmem_max/),
      ]);
    });

    it('go over to another socket where old and new do not fit together', async () => {
      writeFileSync(limit, '16000');
      const [first, second] = [long('a', 1), { ...long('a', 2), version: 2 }];
      await desire(first);
      const old = readerOf('a');
      await desire(second);
      expect(rig.events.map(({ kind }) => kind)).toEqual(['socket']);
      const { id } = rig.sockets[0]!.socket;
      expect(await rig.states()).toEqual(['a@2 on eth0 pending: the swap is under way']);
      const next = readerOf('a');
      // Both pass until the agent has cut.
      const frames = [packet('10.1.0.7', 1), packet('10.2.0.7', 2)];
      expect(await received(next, frames, 1)).toEqual([2]);
      await rig.until('the old one', () => ports(old).includes(1));
      await rig.opener.cut(id, TAKEN_OVER);
      expect(rig.events).toEqual([{ kind: 'draining', socket: expect.any(Number) }, { kind: 'changed' }]);
      expect(await rig.states()).toEqual(['a@2 on eth0 attested']);
      expect(await received(next, frames, 1)).toEqual([2]);
      expect(ports(old)).toEqual([]);
    });

    it('tell a new process of both sockets, and end both when nothing is wished for any more', async () => {
      writeFileSync(limit, '16000');
      await desire(long('a', 1));
      await desire({ ...long('a', 2), version: 2 });
      rig.events.length = 0;
      await rig.opener.hello(rig.service.key.publicKey);
      const [old, next] = rig.sockets.map(({ socket }) => socket);
      expect([old!.takesOver, next!.takesOver]).toEqual([undefined, [old!.id]]);
      await desire();
      const ended = rig.events.flatMap((event) => (event.kind === 'draining' ? [event.socket] : []));
      expect(ended.sort()).toEqual([old!.id, next!.id].sort());
      // Nobody has cut: whoever reads them next has to, since both have the same packets.
      await rig.opener.hello(rig.service.key.publicKey);
      expect(rig.sockets.at(-1)!.socket).toMatchObject({ id: next!.id, takesOver: [old!.id] });
      expect(await rig.states()).toEqual([]);
    });

    it('go over to a third one once the agent has read the first, where these two have all memory', async () => {
      writeFileSync(limit, '16000');
      for (const version of [1, 2, 3]) await desire({ ...long('a', version), version });
      const both = rig.sockets.map(({ socket }) => socket.id);
      expect(await rig.states()).toEqual([expect.stringMatching(/^a@3 on eth0 pending: it waits until/)]);
      await rig.settle();
      expect(rig.sockets.map(({ socket }) => socket.id)).toEqual(both);
      await rig.settle();
      const [first, second, third] = rig.sockets.map(({ socket }) => socket);
      expect([second!.takesOver, third!.takesOver]).toEqual([[first!.id], [second!.id]]);
      expect(await rig.states()).toEqual(['a@3 on eth0 pending: the swap is under way']);
      await rig.settle();
      expect(await rig.states()).toEqual(['a@3 on eth0 attested']);
    });
  });

  describe('that change', () => {
    it('let pass what either side accepts until the agent has cut, and then the new side alone', async () => {
      await desire(web(1));
      await desire(web(2));
      const reader = readerOf('web');
      const frames = [packet('10.1.0.1', 8001, 6), packet('10.1.0.1', 8002, 6), packet('10.1.0.1', 8003, 6)];
      expect(await rig.states()).toEqual(['web@2 on eth0 pending: the swap is under way']);
      expect(await received(reader, frames, 2)).toEqual([8001, 8002]);
      await rig.settle();
      expect(await rig.states()).toEqual(['web@2 on eth0 attested']);
      expect(await received(reader, frames, 1)).toEqual([8002]);
    });

    it('are taken over together where a filter goes to a socket of its own, and where it comes back', async () => {
      const takenOver = () => rig.sockets.map(({ socket }) => [membersOf(socket)[0]!.filter, socket.takesOver]);
      await desire(web(1), dns(1));
      const [linked] = rig.sockets.splice(0);
      rig.events.length = 0;
      await desire({ ...withMaps('web'), version: 2 }, dns(1));
      expect(takenOver()).toEqual([
        ['web', [linked!.socket.id]],
        ['dns', [linked!.socket.id]],
      ]);
      const both = rig.sockets.map(({ socket }) => socket.id);
      await rig.settle();
      // Read to its end as well.
      await rig.settle();
      rig.events.length = 0;
      await desire(web(3), dns(1));
      expect(takenOver()).toEqual([['web', both]]);
      await rig.settle();
      expect(await rig.states()).toEqual(['web@3 on eth0 attested', 'dns@1 on eth0 attested']);
    });

    it('merge what is wished for while a swap is under way', async () => {
      await desire(web(1));
      for (const version of [2, 3, 4]) await desire(web(version));
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
      await desire(web(1));
      await desire(web(2));
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
      await desire(web(1));
      await desire(web(2));
      await desire();
      const [{ socket }] = rig.sockets as [(typeof rig.sockets)[0]];
      const reader = readerOf('web');
      await rig.opener.cut(socket.id, 1);
      expect(reader.readBack()).toEqual(encodeProgram([statement(BPF.RET | BPF.K, 0)]));
      expect(await rig.states()).toEqual([]);
    });

    it('state the filters that they run where another one changes nothing of the program', async () => {
      const everything: TestFilter = { filter: 'all', version: 1, expression: '' };
      await desire(everything);
      for (const filters of [[everything, web(1)], [everything, web(1), dns(1)], [everything]]) {
        await desire(...filters);
        await rig.settle();
        const [statement] = await signedStatements();
        expect(statement!.members).toHaveLength(filters.length);
        expect((await rig.states()).every((state) => state.endsWith('attested'))).toBe(true);
      }
    });

    it('need no cut where only our own connections changed', async () => {
      const order = rig.service.desire([web(1)]);
      await rig.opener.desire(order);
      const reader = readerOf('web');
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
      await desire(web(1));
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
      await desire(web(1), dns(1));
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
