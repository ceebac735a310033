import { readFileSync, writeFileSync } from 'node:fs';
import { PacketSender } from '@bpfleet/linux';
import { canMakeHosts, createHosts, type Host, type Hosts } from '@bpfleet/test-environment';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TAKEN_OVER } from '../border/opener-port.js';
import { HeldSocketsRig, packet, ports } from '../testing/held-sockets-rig.js';
import { long, web } from '../testing/kinds-of-filters.js';

const possible = await canMakeHosts();
const title = possible.ok
  ? 'held sockets with little memory for programs'
  : `held sockets with little memory for programs [skipped: ${possible.reason}]`;

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

  const limit = '/proc/sys/net/core/optmem_max';
  let before = '';
  beforeEach(() => {
    before = readFileSync(limit, 'utf8');
  });
  afterEach(() => writeFileSync(limit, before));

  it('run by themselves what does not fit together, the longest first', async () => {
    writeFileSync(limit, '9000');
    await rig.desire(long('a', 1, 400), long('b', 2, 500), web(1));
    expect(await rig.states()).toEqual([
      'a@1 on eth0 attested',
      'web@1 on eth0 attested',
      'b@1 on eth0 attested: own socket',
    ]);
  });

  it('refuse what does not fit at all, and go on', async () => {
    writeFileSync(limit, '3000');
    await rig.desire(long('a', 1), web(1));
    expect(await rig.states()).toEqual([
      'web@1 on eth0 attested',
      expect.stringMatching(/^a@1 on eth0 refused: .*optmem_max/),
    ]);
  });

  it('go over to another socket where old and new do not fit together', async () => {
    writeFileSync(limit, '16000');
    const [first, second] = [long('a', 1), { ...long('a', 2), version: 2 }];
    await rig.desire(first);
    const old = rig.readerOf('a');
    await rig.desire(second);
    expect(rig.events.map(({ kind }) => kind)).toEqual(['socket']);
    const { id } = rig.sockets[0]!.socket;
    expect(await rig.states()).toEqual(['a@2 on eth0 pending: the swap is under way']);
    const next = rig.readerOf('a');
    // Both pass until the agent has cut.
    const frames = [packet('10.1.0.7', 1), packet('10.2.0.7', 2)];
    expect(await rig.received(next, frames, 1)).toEqual([2]);
    await rig.until('the old one', () => ports(old).includes(1));
    await rig.opener.cut(id, TAKEN_OVER);
    expect(rig.events).toEqual([{ kind: 'draining', socket: expect.any(Number) }, { kind: 'changed' }]);
    expect(await rig.states()).toEqual(['a@2 on eth0 attested']);
    expect(await rig.received(next, frames, 1)).toEqual([2]);
    expect(ports(old)).toEqual([]);
  });

  it('tell a new process of both sockets, and end both when nothing is wished for any more', async () => {
    writeFileSync(limit, '16000');
    await rig.desire(long('a', 1));
    await rig.desire({ ...long('a', 2), version: 2 });
    rig.events.length = 0;
    await rig.opener.hello(rig.service.key.publicKey);
    const [old, next] = rig.sockets.map(({ socket }) => socket);
    expect([old!.takesOver, next!.takesOver]).toEqual([undefined, [old!.id]]);
    await rig.desire();
    const ended = rig.events.flatMap((event) => (event.kind === 'draining' ? [event.socket] : []));
    expect(ended.sort()).toEqual([old!.id, next!.id].sort());
    // Nobody has cut: whoever reads them next has to, since both have the same packets.
    await rig.opener.hello(rig.service.key.publicKey);
    expect(rig.sockets.at(-1)!.socket).toMatchObject({ id: next!.id, takesOver: [old!.id] });
    expect(await rig.states()).toEqual([]);
  });

  it('go over to a third one once the agent has read the first, where these two have all memory', async () => {
    writeFileSync(limit, '16000');
    for (const version of [1, 2, 3]) await rig.desire({ ...long('a', version), version });
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
