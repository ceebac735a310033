import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { interfaces } from '@bpfleet/linux';
import { afterEach, describe, expect, it } from 'vitest';
import { canMakeHosts, createHosts, type Host, type Hosts } from './hosts.js';
import { prefixOf, removeAbandoned } from './hosts-claim.js';

const run = promisify(execFile);
const possible = await canMakeHosts();
const title = possible.ok ? 'hosts' : `hosts [skipped: ${possible.reason}]`;
const made: Hosts[] = [];

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
