import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { AGENT_REFUSALS } from '@bpfleet/bpf';
import { canMakeHosts, createHosts, type Host, type Hosts } from '@bpfleet/test-environment';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeLoad, describeMachine } from '../../../../tests/bench/src/machine.js';
import { closeDescriptor } from '../calls/libc.js';
import { sendDescriptor } from '../channel/pass-descriptor.js';
import { socketPair } from '../channel/socket-pair.js';
import { PacketSender } from '../sender/packet-sender.js';
import { RingSocket } from '../socket/ring-socket.js';
import { confinement, isConfined } from './confinement.js';

const possible = await canMakeHosts();
const title = possible.ok ? 'a confined process' : `a confined process [skipped: ${possible.reason}]`;
const SCRIPT = fileURLToPath(new URL('./confined-process.mjs', import.meta.url));
const BUILT = new URL('../../dist/index.js', import.meta.url).href;
const accept = Uint8Array.of(6, 0, 0, 0, 255, 255, 0, 0);

interface Report {
  readonly refused: Readonly<Record<string, string>>;
  readonly socket: {
    readonly results: Readonly<Record<string, string>>;
    readonly packets: number;
    readonly statistics: { readonly dropped: number };
    readonly readBack: number;
  };
  readonly works: Readonly<Record<string, unknown>>;
  readonly confinement: Readonly<Record<string, unknown>>;
}

/** As in the script. Each packet may take a block of its own, and a namespace sends some of its own accord. */
const BLOCKS = 64;

/** Runs the script, hands it a packet socket that a packet has reached, and answers what it reports. */
async function run(hosts: Hosts, host: Host, how: 'confined' | 'free'): Promise<Report> {
  const [here, there] = socketPair('seqpacket');
  const interfaceIndex = hosts.interfaceIndex(host);
  const socket = hosts.inside(host, () =>
    RingSocket.open({ interfaceIndex, blockBytes: 1 << 16, blockCount: BLOCKS, blockTimeoutMs: 5 }),
  );
  socket.attach(accept);
  const hub = hosts.interfaceIndex(hosts.hub, 'h1');
  const wire = hosts.inside(hosts.hub, () => PacketSender.open({ interfaceIndex: hub }));
  wire.send([new Uint8Array(100).fill(255)]);
  wire.close();
  const child = spawn(process.execPath, [SCRIPT, how], { stdio: ['ignore', 'pipe', 'inherit', there] });
  closeDescriptor(there);
  sendDescriptor(here, socket.fd, 1);
  socket.close();
  const said = await text(child.stdout!);
  closeDescriptor(here);
  return JSON.parse(said) as Report;
}

/** What was tried, by what came of it: groups that are empty, too. */
function printCoverage(confined: Report, free: Report): void {
  const tried = { ...confined.refused, ...prefixed('with the packet socket: ', confined.socket.results) };
  const those = (holds: (result: string) => boolean) => Object.keys(tried).filter((name) => holds(tried[name]!));
  const unknown = AGENT_REFUSALS.flatMap(({ calls, when, answer }) => (when || answer ? [] : calls)).filter(
    (call) => !(call in tried),
  );
  const groups = {
    'refused (EPERM)': those((result) => result === 'EPERM'),
    'failed otherwise': those((result) => result !== 'EPERM' && result !== 'ok'),
    'came through': those((result) => result === 'ok'),
    'not tried, no such call here': unknown,
    'refused without confinement, too': Object.keys(free.refused).filter((name) => free.refused[name] === 'EPERM'),
  };
  const lines = Object.entries(groups).map(([group, names]) => `  ${group}: ${[names.length, ...names].join(', ')}`);
  const versions = `load ${describeLoad()}; node ${process.version}; npm test -- libs/linux/src/confinement`;
  console.info(
    [
      `a confined process tried ${Object.keys(tried).length} calls, each once and each also by root without confinement`,
      ...lines,
      `  ${describeMachine()}, ${versions}`,
    ].join('\n'),
  );
}

const prefixed = (prefix: string, results: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(results).map(([name, result]) => [prefix + name, result]));

describe.runIf(possible.ok)(title, () => {
  let hosts: Hosts;
  let confined: Report;
  let free: Report;
  beforeAll(async () => {
    hosts = await createHosts({ count: 1 });
    [confined, free] = [await run(hosts, hosts.host(1), 'confined'), await run(hosts, hosts.host(1), 'free')];
  });
  afterAll(() => hosts?.remove());

  it('is refused what an unconfined one, run by root, is not', () => {
    printCoverage(confined, free);
    expect(Object.keys(confined.refused).length).toBeGreaterThan(70);
    expect(Object.entries(confined.refused).filter(([, result]) => result !== 'EPERM')).toEqual([]);
    expect(Object.entries(free.refused).filter(([, result]) => result === 'EPERM')).toEqual([]);
  });

  it('cannot change what a packet socket sees that it holds', () => {
    expect(confined.socket.results).toEqual({
      attach: 'EPERM',
      detach: 'EPERM',
      'go to another interface': 'EPERM',
      'go promiscuous': 'EPERM',
      listen: 'EPERM',
    });
    expect(free.socket.results).toEqual({
      ...{ attach: 'ok', detach: 'ok', 'go to another interface': 'ok', 'go promiscuous': 'ok', listen: 'ok' },
    });
  });

  it('receives that socket, maps its ring, reads and counts', () => {
    expect(confined.socket).toMatchObject({ packets: 100, statistics: { dropped: 0 }, readBack: 8 });
  });

  it('goes on with TCP, files, threads, names and the list of interfaces', () => {
    expect(confined.works).toEqual({ ...free.works, newWorker: 'EPERM', oldWorker: 'EPERM' });
    expect(free.works).toEqual({
      said: 'over TCP',
      newWorker: 'ok',
      oldWorker: 'ok',
      file: true,
      key: 8,
      byName: 'connected',
      interfaces: true,
    });
  });

  it('says so of all its threads', () => {
    const ours = confinement();
    expect(confined.confinement).toEqual({
      filters: ours.filters! + 1,
      isFiltered: true,
      hasNoNewPrivileges: true,
      isRoot: ours.isRoot,
    });
    expect(free.confinement).toEqual({
      filters: ours.filters,
      isFiltered: ours.isFiltered,
      hasNoNewPrivileges: false,
      isRoot: ours.isRoot,
    });
  });

  describe('is seen from outside', () => {
    const seen = async (command: string[], script: string) => {
      const [name, ...args] = [...command, process.execPath, '--input-type=module', '-e'];
      const wait = `console.log('ready'); setInterval(() => {}, 1000);`;
      const child: ChildProcess = spawn(name!, [...args, `${script}; ${wait}`], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await once(child.stdout!, 'data');
      const found = confinement(child.pid);
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
      return { found, isConfined: isConfined(found) };
    };
    /** Of what has become that program. */
    const seenOf = async ([name, ...args]: string[]) => {
      const child = spawn(name!, args, { stdio: 'ignore' });
      const isRunning = () => readFileSync(`/proc/${child.pid}/comm`, 'utf8') === `${args.at(-2)}\n`;
      await expect.poll(isRunning, { interval: 5, timeout: 10_000 }).toBe(true);
      const found = confinement(child.pid);
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
      return found;
    };
    const confine = `(await import(${JSON.stringify(BUILT)})).confineProcess()`;
    const namespace = ['unshare', '--user', '--'];

    it('with no capability, in a user namespace, where it is root all the same', async () => {
      const { found, isConfined: itself } = await seen(namespace, confine);
      expect(found).toMatchObject({ isFiltered: true, capabilities: 0n, isRoot: true });
      expect([itself, isConfined({ ...found, isRoot: false })]).toEqual([false, true]);
    });

    it('as another user, whatever other user', async () => {
      const nobody = ['setpriv', '--reuid=65534', '--clear-groups'];
      expect((await seenOf([...nobody, 'sleep', '60'])).isRoot).toBe(false);
      // Root is what it could be again.
      expect((await seenOf(['setpriv', '--euid=65534', 'sleep', '60'])).isRoot).toBe(true);
    });

    it('not so with a capability, and not without a filter', async () => {
      expect(await seen([], confine)).toMatchObject({ found: { isFiltered: true }, isConfined: false });
      expect(await seen(namespace, '0')).toMatchObject({ found: { capabilities: 0n }, isConfined: false });
    });

    it('by more than it inherited', () => {
      const inherited = { filters: 1, isFiltered: true, hasNoNewPrivileges: true, capabilities: 0n, isRoot: false };
      expect(isConfined(inherited, inherited)).toBe(false);
      expect(isConfined({ ...inherited, filters: 2 }, inherited)).toBe(true);
      expect(isConfined({ ...inherited, filters: 2, isRoot: true }, inherited)).toBe(false);
      // Where the kernel does not count, a filter of the container's own hides whether there is another.
      const uncounted = { ...inherited, filters: undefined };
      expect(isConfined(uncounted, uncounted)).toBe(false);
      expect(isConfined(uncounted, { ...uncounted, isFiltered: false })).toBe(true);
    });

    it('not at all when it is gone', () => {
      expect(() => confinement(2 ** 30)).toThrow(expect.objectContaining({ code: 'ENOENT' }));
    });
  });

  it('cannot be one that uses io_uring', async () => {
    const script = `(await import(${JSON.stringify(BUILT)})).confineProcess()`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      env: { ...process.env, UV_USE_IO_URING: '1' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    expect(await text(child.stderr!)).toMatch(/uses io_uring[\s\S]*UV_USE_IO_URING=0/);
  });
});
