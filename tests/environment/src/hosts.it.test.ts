import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { BPF, encodeProgram, jump, statement } from '@bpfleet/bpf';
import { interfaces, PacketSender, PacketSocket } from '@bpfleet/linux';
import { afterEach, describe, expect, it } from 'vitest';
import { canMakeHosts, createHosts, type Host, type Hosts } from './hosts.js';
import { prefixOf, removeAbandoned } from './hosts-claim.js';

const run = promisify(execFile);
const possible = await canMakeHosts();
const title = possible.ok ? 'hosts' : `hosts [skipped: ${possible.reason}]`;
const made: Hosts[] = [];

/** An EtherType for experiments (IEEE 802): nothing else on the wire carries it. */
const EXPERIMENTS = [
  statement(BPF.LD | BPF.H | BPF.ABS, 12),
  jump(BPF.JMP | BPF.JEQ | BPF.K, 0x88b5, 0, 1),
  statement(BPF.RET | BPF.K, 262_144),
  statement(BPF.RET | BPF.K, 0),
];
const RING = { blockBytes: 1 << 16, blockCount: 2, blockTimeoutMs: 20 };

async function make(count: number): Promise<Hosts> {
  const hosts = await createHosts({ count });
  made.push(hosts);
  return hosts;
}

describe.runIf(possible.ok)(title, () => {
  afterEach(async () => {
    await Promise.all(made.splice(0).map((hosts) => hosts.remove()));
  });

  it('reach each other and this machine, by IPv4 and by IPv6', async () => {
    const hosts = await make(3);
    const [first, , third] = hosts.list;
    for (const address of [third!.address, third!.address6, hosts.rootAddress, hosts.rootAddress6]) {
      await reach(hosts, first!, address);
    }
  });

  it('have one cable each, of which the hub holds the other end', async () => {
    const hosts = await make(2);
    const names = (host: Host | Hosts['hub']) => hosts.inside(host, interfaces).map(({ name }) => name);
    expect(names(hosts.host(2))).toEqual(expect.arrayContaining(['lo', 'eth0']));
    expect(names(hosts.hub)).toEqual(expect.arrayContaining(['lo', 'up0', 'h1', 'h2']));
  });

  it('of two runs at once do not meet', async () => {
    const [one, other] = await Promise.all([make(1), make(1)]);
    expect(one!.host(1).address).not.toBe(other!.host(1).address);
    await one!.remove();
    await reach(other!, other!.host(1), other!.rootAddress);
  });

  it('take packets on cables that were pulled, however busy the kernel is with other interfaces', async () => {
    const hosts = await make(1);
    const host = hosts.host(1);
    for (const name of ['a', 'b', 'c']) {
      const script = `while :; do ip link add ${name} type veth; ip link set ${name} up; ip link delete ${name}; done`;
      hosts.spawn(host, ['sh', '-c', script], { stdio: 'ignore' });
    }
    const interfaceIndex = hosts.interfaceIndex(host);
    const receiver = hosts.inside(host, () => PacketSocket.open({ ...RING, interfaceIndex }));
    receiver.attach(encodeProgram(EXPERIMENTS));
    const hub = hosts.interfaceIndex(hosts.hub, 'h1');
    const sender = hosts.inside(hosts.hub, () => PacketSender.open({ interfaceIndex: hub }));
    for (let pulled = 1; pulled <= 20; pulled++) {
      await hosts.exec(host, ['ip', 'link', 'set', 'eth0', 'down']);
      await hosts.exec(host, ['ip', 'link', 'set', 'eth0', 'up']);
      await hosts.untilCarries(hosts.hub, 'h1');
      sender.send([Uint8Array.from([...Array(12).fill(2), 0x88, 0xb5, ...Array(46)])]);
      await expect.poll(() => receiver.statistics().passed).toBe(pulled);
    }
    sender.close();
    receiver.close();
  });

  it('are gone after remove, with what ran on them', async () => {
    const hosts = await make(1);
    const child = hosts.spawn(hosts.host(1), ['sleep', '600'], { stdio: 'ignore' });
    await once(child, 'spawn');
    await hosts.remove();
    await hosts.remove();
    expect(child.signalCode).toBe('SIGKILL');
    expect(await namespaces()).not.toContain(hosts.host(1).namespace);
  });

  it('of a run that is dead are removed, with what still runs on them; those of a living run stay', async () => {
    const hosts = await make(1);
    // As a run that was killed leaves it: the namespace is there, the number is claimed by nobody.
    const namespace = `${prefixOf(99)}h1`;
    await run('ip', ['netns', 'add', namespace]);
    const stray = execFile('ip', ['netns', 'exec', namespace, 'sleep', '600']);
    await once(stray, 'spawn');
    const exited = once(stray, 'exit');
    await untilInside(namespace, stray.pid!);
    await removeAbandoned();
    await exited;
    expect(await namespaces()).not.toContain(namespace);
    expect(await namespaces()).toContain(hosts.host(1).namespace);
  });
});

/** An answer came from there, though nothing listens: the connection is refused. */
async function reach(hosts: Hosts, from: Host, address: string): Promise<void> {
  const script = `require('net').connect(9, '${address}').on('error', (error) => console.log(error.code))`;
  const { stdout } = await hosts.exec(from, [process.execPath, '-e', script]);
  expect(stdout.trim(), address).toBe('ECONNREFUSED');
}

async function namespaces(): Promise<string[]> {
  const { stdout } = await run('ip', ['netns', 'list']);
  return stdout.split('\n').map((line) => line.split(' ')[0]!);
}

async function untilInside(namespace: string, pid: number): Promise<void> {
  await expect
    .poll(async () => (await run('ip', ['netns', 'pids', namespace])).stdout.split('\n'))
    .toContain(String(pid));
}
