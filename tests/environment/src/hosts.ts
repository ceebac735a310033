import { type ChildProcess, execFile, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { interfaces, switchOffloadsOff, withinNetworkNamespace } from '@bpfleet/linux';
import { untilLinksCarry } from './carrying-links.js';
import { type Claim, claimNumber, prefixOf, removeAbandoned, removeLeftovers } from './hosts-claim.js';

const run = promisify(execFile);

/** A host of the test network: a network namespace with `lo` and `eth0`. It shares everything else with this machine. */
export interface Host {
  /** `h1`, `h2`, …; also the name of the hub's end of its cable. */
  readonly name: string;
  /** For `ip netns exec` and, by path, for `withinNetworkNamespace`. */
  readonly namespace: string;
  readonly namespacePath: string;
  readonly address: string;
  readonly address6: string;
  readonly gateway: string;
  readonly gateway6: string;
}

export interface HostsOptions {
  /** 1 to 250. */
  readonly count: number;
}

export interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Hosts around a hub that forwards between them, and one cable from the hub to this machine:
 *
 *     h1 eth0 10.77.1.2 ──── 10.77.1.1 h1 ┐
 *     h2 eth0 10.77.2.2 ──── 10.77.2.1 h2 ├ hub ── 10.77.0.2 ──── 10.77.0.1 this machine
 *
 * IPv6 alike: fd77:1::2/64 and so on. Cables are veth pairs without offloads: checksums are real, frames fit the MTU.
 */
export class Hosts {
  readonly list: readonly Host[];
  /** The forwarding namespace in the middle; its interfaces are named as the hosts. */
  readonly hub: { readonly namespace: string; readonly namespacePath: string };
  /** Where hosts reach servers of this machine's own namespace that listen on all addresses. */
  readonly rootAddress: string;
  readonly rootAddress6: string;
  readonly #children = new Set<ChildProcess>();
  #removed: Promise<void> | undefined;

  constructor(
    private readonly claim: Claim,
    count: number,
  ) {
    this.list = Array.from({ length: count }, (_, index) => hostOf(claim.octet, index + 1));
    const hub = `${prefixOf(claim.octet)}hub`;
    this.hub = { namespace: hub, namespacePath: pathOf(hub) };
    this.rootAddress = `10.${claim.octet}.0.1`;
    this.rootAddress6 = `fd${claim.octet}::1`;
  }

  /** The host with this number, counted from 1 as the names are. */
  host(number: number): Host {
    const host = this.list[number - 1];
    if (host === undefined) throw new Error(`there is no host h${number}, only ${this.list.length}`);
    return host;
  }

  /** Runs a command on a host to its end. Rejects, with the output, when it fails. */
  exec(host: Host | Hosts['hub'], argv: readonly string[]): Promise<Output> {
    return run('ip', ['netns', 'exec', host.namespace, ...argv], { maxBuffer: 1 << 26 });
  }

  /** Starts a command on a host; `ip` becomes it, so the pid is its own. What still runs at `remove` is killed. */
  spawn(host: Host | Hosts['hub'], argv: readonly string[], options: SpawnOptions = {}): ChildProcess {
    const child = spawn('ip', ['netns', 'exec', host.namespace, ...argv], options);
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
    return child;
  }

  /** Runs a synchronous action with this thread on a host: sockets it opens stay there. */
  inside<T>(host: Host | Hosts['hub'], action: () => T): T {
    return withinNetworkNamespace(host.namespacePath, action);
  }

  /** The number of `eth0` on a host, which capturing and sending go by. */
  interfaceIndex(host: Host | Hosts['hub'], name = 'eth0'): number {
    const found = this.inside(host, interfaces).find((device) => device.name === name);
    if (found === undefined) throw new Error(`${host.namespace} has no interface ${name}`);
    return found.index;
  }

  /** Resolves when packets sent on an interface go out: some time after `ip link set … up` at either end of its cable. */
  untilCarries(host: Host | Hosts['hub'], device = 'eth0'): Promise<void> {
    return untilLinksCarry(['-netns', host.namespace], device);
  }

  /** Ends what runs on the hosts and removes everything. May be called twice. */
  remove(): Promise<void> {
    this.#removed ??= this.#remove();
    return this.#removed;
  }

  async #remove(): Promise<void> {
    await Promise.all(
      [...this.#children].map(async (child) => {
        const exited = once(child, 'exit');
        child.kill('SIGKILL');
        await exited;
      }),
    );
    await removeLeftovers(this.claim.octet);
    await this.claim.release();
  }
}

/** Makes hosts, after removing those of runs that are dead. Needs root: see `canMakeHosts`. */
export async function createHosts({ count }: HostsOptions): Promise<Hosts> {
  if (!Number.isInteger(count) || count < 1 || count > 250)
    throw new Error(`cannot make ${count} hosts, only 1 to 250`);
  await removeAbandoned();
  const claim = await claimNumber();
  const hosts = new Hosts(claim, count);
  try {
    await build(hosts, claim.octet);
    return hosts;
  } catch (error) {
    await hosts.remove();
    throw error;
  }
}

/** Whether network namespaces can be made here, found by making one. */
export async function canMakeHosts(): Promise<{ ok: true } | { ok: false; reason: string }> {
  if (process.platform !== 'linux') return { ok: false, reason: 'hosts are network namespaces, which need Linux' };
  if (process.getuid?.() !== 0) return { ok: false, reason: 'making network namespaces needs root' };
  const noIpv6 = '/proc/sys/net/ipv6/conf/default/disable_ipv6';
  if (!existsSync(noIpv6) || readFileSync(noIpv6, 'utf8').trim() !== '0') {
    return { ok: false, reason: 'hosts have IPv6 addresses, and IPv6 is switched off here' };
  }
  const probe = `bpfprobe${process.pid}`;
  try {
    await run('ip', ['netns', 'add', probe]);
    await run('ip', ['-n', probe, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth1']);
    return { ok: true };
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const reason = missing ? 'the command ip (iproute2) is missing' : (error as Error).message;
    return { ok: false, reason: `cannot make network namespaces: ${reason}` };
  } finally {
    await run('ip', ['netns', 'delete', probe]).catch(() => undefined);
  }
}

const pathOf = (namespace: string) => `/run/netns/${namespace}`;

function hostOf(octet: number, number: number): Host {
  const namespace = `${prefixOf(octet)}h${number}`;
  return {
    name: `h${number}`,
    namespace,
    namespacePath: pathOf(namespace),
    address: `10.${octet}.${number}.2`,
    address6: `fd${octet}:${number}::2`,
    gateway: `10.${octet}.${number}.1`,
    gateway6: `fd${octet}:${number}::1`,
  };
}

async function build(hosts: Hosts, octet: number): Promise<void> {
  const { list, hub } = hosts;
  const root = prefixOf(octet);
  await ip(
    [],
    [
      `netns add ${hub.namespace}`,
      ...list.map((host) => `netns add ${host.namespace}`),
      `link add ${root} type veth peer name up0 netns ${hub.namespace}`,
      ...list.map(
        (host) => `link add eth0 netns ${host.namespace} type veth peer name ${host.name} netns ${hub.namespace}`,
      ),
      ...configured(root, `${hosts.rootAddress}/24`, `${hosts.rootAddress6}/64`),
    ],
  );
  hosts.inside(hub, () => {
    writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
    writeFileSync('/proc/sys/net/ipv6/conf/all/forwarding', '1');
  });
  await ip(
    ['-n', hub.namespace],
    [
      'link set lo up',
      ...configured('up0', `10.${octet}.0.2/24`, `fd${octet}::2/64`),
      ...list.flatMap((host) => configured(host.name, `${host.gateway}/24`, `${host.gateway6}/64`)),
      `route add default via ${hosts.rootAddress}`,
    ],
  );
  for (const host of list) {
    await ip(
      ['-n', host.namespace],
      [
        'link set lo up',
        ...configured('eth0', `${host.address}/24`, `${host.address6}/64`),
        `route add default via ${host.gateway}`,
        `route add default via ${host.gateway6}`,
      ],
    );
    hosts.inside(host, () => switchOffloadsOff('eth0'));
  }
  await ip([], [`route add 10.${octet}.0.0/16 via 10.${octet}.0.2`, `route add fd${octet}::/16 via fd${octet}::2`]);
  switchOffloadsOff(root);
  hosts.inside(hub, () => {
    for (const name of ['up0', ...list.map((host) => host.name)]) switchOffloadsOff(name);
  });
  await untilLinksCarry([], root);
  for (const { namespace } of [hub, ...list]) await untilLinksCarry(['-netns', namespace]);
}

/** `nodad`: an IPv6 address is usable at once instead of after a second of duplicate detection. */
function configured(device: string, address: string, address6: string): string[] {
  return [`addr add ${address} dev ${device}`, `addr add ${address6} dev ${device} nodad`, `link set ${device} up`];
}

/** Runs commands of ip(8) in one process. Stops, and rejects with its words, at the first that fails. */
async function ip(options: readonly string[], commands: readonly string[]): Promise<void> {
  const running = run('ip', [...options, '-batch', '-']);
  running.child.stdin?.end(`${commands.join('\n')}\n`);
  await running;
}
