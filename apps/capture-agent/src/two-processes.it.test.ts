import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bootTimeMs, confinement, enterNetworkNamespace, isConfined, PacketSender } from '@bpfleet/linux';
import { forEachPacket } from '@bpfleet/section';
import { canMakeHosts, createHosts, type Hosts } from '@bpfleet/test-environment';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { suiteRequires } from '../../../tests/environment/src/requirements.js';
import { makeAgentFolders } from './opener/agent-folders.js';
import { bootId } from './spool/boot-id.js';
import { DiskSpool } from './spool/disk-spool.js';
import { FakeFilterManager } from './testing/fake-filter-manager.js';
import { numberAt, numberedFrame } from './testing/numbered-packets.js';
import { SigningService } from './testing/signing-service.js';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const shipped = (file: string): string => readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8');
const named = (text: string): string[] => text.match(/[A-Z_]+/g)!.map((name) => name.replace('CAP_', ''));
const ADDED = /add: \[(.*NET_RAW.*)\]/;
const NOBODY = { uid: 65_534, gid: 65_534 };
const mayNobodyRead = (path: string) => spawnSync('test', ['-r', path], NOBODY).status === 0;
const CAPABILITIES = {
  systemd: named(/^CapabilityBoundingSet=(.*)$/m.exec(shipped('systemd/bpfleet-agent.service'))![1]!),
  compose: named(ADDED.exec(shipped('docker-compose.yml'))![1]!),
  k8s: named(ADDED.exec(shipped('k8s/base/agent.yaml'))![1]!),
};
const possible = await canMakeHosts();
const needs = {
  hosts: possible.ok ? {} : { unavailable: possible.reason },
  setpriv: spawnSync('setpriv', ['--version']).status === 0 ? {} : { unavailable: 'no setpriv' },
  nobody: [MAIN, tmpdir()].every(mayNobodyRead) ? {} : { unavailable: 'nobody may not read this tree' },
  built: existsSync(MAIN) ? {} : { unavailable: 'apps/capture-agent is not built' },
};
const BUSY = { interval: 20, timeout: 60_000 };
const PACKETS = 500;

suiteRequires('an agent of two processes', needs, () => {
  let hosts: Hosts;
  let folder: string;
  let leave: () => void;
  let service: FakeFilterManager;
  let opener: ChildProcess;
  beforeEach(async () => {
    hosts = await createHosts({ count: 1 });
    folder = mkdtempSync(join(tmpdir(), 'bpfleet-stop-'));
    chmodSync(folder, 0o711);
    leave = enterNetworkNamespace(hosts.host(1).namespacePath);
    // Images and volumes come with them: not every set has CHOWN.
    const state = join(folder, 'state');
    makeAgentFolders(state, [join(state, 'spool'), join(state, 'control')], { owner: NOBODY });
    service = new FakeFilterManager(new SigningService('agent-1'));
    await service.start();
  });
  afterEach(async () => {
    if (opener.exitCode === null && opener.signalCode === null && opener.kill('SIGKILL')) await once(opener, 'exit');
    await service.stop();
    leave();
    await hosts.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  function start(capabilities: readonly string[], server = service.url): { readonly log: string } {
    const said = { log: '' };
    const env = {
      ...process.env,
      ...{ BPFLEET_SERVER: server, BPFLEET_AGENT_ID: 'agent-1', BPFLEET_AGENT_INTERFACES: 'eth0' },
      // Nobody listens there: what is captured stays in the spool.
      ...{ BPFLEET_KAFKA_BROKERS: '127.0.0.1:9092', BPFLEET_AGENT_STATE_DIR: join(folder, 'state') },
    };
    const bounding = ['-all', ...capabilities.map((name) => `+${name.toLowerCase()}`)].join(',');
    const confined = ['--no-new-privs', '--inh-caps=-all', `--bounding-set=${bounding}`, '--', process.execPath, MAIN];
    opener = spawn('setpriv', confined, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [opener.stdout!, opener.stderr!]) stream.on('data', (bytes) => (said.log += bytes));
    return said;
  }
  const childrenOf = (pid: number): number[] =>
    readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  function send(count: number): void {
    const interfaceIndex = hosts.interfaceIndex(hosts.hub, 'h1');
    const wire = hosts.inside(hosts.hub, () => PacketSender.open({ interfaceIndex }));
    expect(wire.send(numbers(count).map((number) => numberedFrame(number, 7)))).toBe(count);
    wire.close();
  }
  const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => 1 + index);
  async function spooled(): Promise<number[]> {
    const limits = { maxBytes: 1e12, maxAgeMs: 1e12 };
    const spool = new DiskSpool(join(folder, 'state/spool'), limits, bootId(), bootTimeMs);
    await spool.open();
    const found: number[] = [];
    for (const { bytes } of await spool.take(1 << 22)) {
      forEachPacket(bytes, ({ start: at }) => found.push(numberAt(bytes, at)) > 0);
    }
    await spool.close();
    return found;
  }

  it('is confined before a byte goes to the network or comes from there', async () => {
    /** Whether it was when it was first heard of there. */
    const confined: Record<string, boolean> = {};
    const heardOf = (where: string): void => {
      confined[where] ??= isConfined(confinement(childrenOf(opener.pid!)[0]!));
    };
    const kindOf = (bytes: Buffer) => (/^[A-Z]{3,4} /.test(bytes.toString('latin1')) ? 'filter-manager' : 'broker');
    const both = createServer((connection) => {
      connection.on('error', () => {});
      connection.once('data', (bytes) => heardOf(kindOf(bytes)));
    });
    await new Promise<void>((resolve) => both.listen(9092, '127.0.0.1', resolve));
    start(CAPABILITIES.systemd, 'http://127.0.0.1:9092');
    try {
      await expect
        .poll(async () => {
          await fetch('http://127.0.0.1:7422/healthz/live').then(
            () => heardOf('status server'),
            () => {},
          );
          return confined;
        }, BUSY)
        .toEqual({ 'filter-manager': true, broker: true, 'status server': true });
    } finally {
      both.close();
    }
  }, 120_000);

  it.each(['systemd', 'compose', 'k8s'] as const)(
    'that is stopped, with the capabilities for %s, has stored all packets, said so, and left no process',
    async (shippedFor) => {
      service.order = service.signing.desire([{ filter: 'all', version: 1, expression: 'udp src port 7' }]);
      const said = start(CAPABILITIES[shippedFor]);
      const state = () => service.statuses.at(-1)?.filters[0]?.state ?? (opener.exitCode === null ? '' : said.log);
      await expect.poll(state, BUSY).toBe('attested');
      const children = childrenOf(opener.pid!);
      expect(children).toHaveLength(1);
      send(PACKETS);
      // On a busy machine they take their time to the ring, and the kernel keeps its open block back.
      const captured = () => fetch('http://127.0.0.1:7422/metrics').then((answer) => answer.text());
      await expect.poll(captured, BUSY).toMatch(`captured_packets_total{interface="eth0"} ${PACKETS}\n`);
      opener.kill('SIGTERM');
      expect(await once(opener, 'exit'), said.log).toEqual([0, null]);
      expect(children.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
      expect(await spooled()).toEqual(numbers(PACKETS));
      expect(service.statuses.at(-1)!.ledger!.agent).toMatchObject({ captured: PACKETS, spooledPackets: PACKETS });
    },
    120_000,
  );

  it('says that its open section was lost, and which files are gone, keeps keys, and has nothing to say once restarted', async () => {
    const spool = join(folder, 'state/spool');
    const last = () => service.statuses.at(-1);
    const corrupt = () => last()?.errors.flatMap(({ code, message }) => (code === 'SECTION_CORRUPT' ? message : []));
    const beginning = async () => {
      const before = last()?.epoch ?? 0;
      start(CAPABILITIES.systemd);
      await expect.poll(() => last()?.epoch ?? 0, BUSY).toBeGreaterThan(before);
    };
    await beginning();
    expect(corrupt()).toEqual([]);
    // Its pages are gone: the next store of the capture thread ends the process.
    truncateSync(join(spool, 'open-section'), 0);
    await expect.poll(corrupt, BUSY).toEqual([expect.stringContaining('1 sections of how many packets nobody knows')]);
    for (const name of readdirSync(spool)) rmSync(join(spool, name), { recursive: true });
    await expect
      .poll(corrupt, BUSY)
      .toContainEqual(expect.stringMatching(/^open-section, take-overs .*: restart the agent/));
    expect(readdirSync(spool)).toEqual(expect.arrayContaining(['keys', 'marks']));
    opener.kill('SIGTERM');
    await once(opener, 'exit');
    await beginning();
    expect(corrupt()).toEqual([]);
  }, 120_000);
});
