import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { ApiClient, controlApi, queryApi } from '@bpfleet/contract';
import { freePorts } from '@bpfleet/test-environment';
import { expect, it } from 'vitest';
import { suiteRequires } from '../environment/src/requirements.js';
import { hostsHere } from './requirements.js';
import { startStandalone, withFolder } from './standalone-process.js';

/** Without what it cannot read: a process may end meanwhile. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** A process and all that it started, those of theirs too. */
function familyOf(pid: number): number[] {
  const parents = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ pid: Number(name), parent: Number(/^PPid:\s*(\d+)/m.exec(read(`/proc/${name}/status`))?.[1]) }));
  const below = (ancestor: number): number[] =>
    parents.filter(({ parent }) => parent === ancestor).flatMap((child) => [child.pid, ...below(child.pid)]);
  return [pid, ...below(pid)];
}

/** Inodes of the TCP sockets of this network namespace: the tenth field. */
const tcpInodes = (): Set<string> =>
  new Set(
    ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) =>
      read(file)
        .split('\n')
        .slice(1)
        .map((line) => line.trim().split(/\s+/)[9] ?? ''),
    ),
  );

function hasConnections(pid: number): boolean {
  const inodes = tcpInodes();
  return readdirSync(`/proc/${pid}/fd`).some((fd) => {
    try {
      return inodes.has(/^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? '-');
    } catch {
      // Closed meanwhile.
      return false;
    }
  });
}

const field = (pid: number, name: string) =>
  new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(read(`/proc/${pid}/status`))?.[1];

suiteRequires('standalone, started by root', { root: await hostsHere() }, () => {
  it('has no capability in a process with network connections, and captures all the same', () =>
    withFolder(async (folder) => {
      const [port] = await freePorts(1);
      const dataDir = join(folder, 'data');
      const standalone = startStandalone({ dataDir, port: port! });
      await standalone.until('the first answer', () => standalone.stdout.includes('Push:'));
      const family = familyOf(standalone.process.pid!);
      const connected = family.filter(hasConnections);
      expect(connected.length).toBeGreaterThan(0);
      expect(connected).not.toContain(standalone.process.pid);
      for (const pid of connected) {
        expect([field(pid, 'CapEff'), field(pid, 'CapPrm'), field(pid, 'NoNewPrivs')]).toEqual([
          '0000000000000000',
          '0000000000000000',
          '1',
        ]);
        expect(() => readFileSync(`/proc/${pid}/root${dataDir}/agent/opener/identity.json`)).toThrow();
      }
      const { status } = await standalone.client.call(controlApi.getAgent, { path: { id: 'standalone' } });
      expect(status).toMatchObject({ source: 'ring', filters: [{ filter: 'demo', interface: 'lo' }] });
      expect(await standalone.end('SIGTERM')).toBe(0);
      expect(family.filter((pid) => read(`/proc/${pid}/status`) !== '')).toEqual([]);
    }));

  it('captures nothing of what is said to itself, at a port that the system chose', () =>
    withFolder(async (folder) => {
      const standalone = startStandalone({ dataDir: join(folder, 'data'), port: 0, args: ['--interface', 'lo'] });
      await standalone.until('the start', () => standalone.stdout.includes('bpfleet runs at'));
      const [, server, port] = /bpfleet runs at (http:\/\/127\.0\.0\.1:(\d+))/.exec(standalone.stdout)!;
      const client = new ApiClient({ server: server! });
      const create = { name: 'connections', expression: 'tcp', snaplenBytes: 96 };
      await client.call(controlApi.createFilter, { body: create });
      await client.call(controlApi.createAssignment, { body: { filter: create.name } });
      const other = createServer((_, response) => response.end('here'));
      await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
      const otherPort = (other.address() as AddressInfo).port;
      const stored = async (filter: string) =>
        (await client.call(queryApi.listPackets, { query: { filter, since: '-1h', limit: 1000 } })).packets.length;
      try {
        // Each turn asks it, too.
        await standalone.until('packets of another server', async () => {
          await (await fetch(`http://127.0.0.1:${otherPort}`)).text();
          return (await stored(`port ${otherPort}`)) > 0;
        });
        expect(await stored(`port ${port}`)).toBe(0);
      } finally {
        other.close();
        await standalone.end('SIGTERM');
      }
    }));

  it('ends all of it when the opener is killed', () =>
    withFolder(async (folder) => {
      const [port] = await freePorts(1);
      const standalone = startStandalone({ dataDir: join(folder, 'data'), port: port! });
      await standalone.until('the first answer', () => standalone.stdout.includes('Push:'));
      const family = familyOf(standalone.process.pid!);
      await standalone.end('SIGKILL');
      await expect
        .poll(() => family.filter((pid) => read(`/proc/${pid}/status`) !== ''), { timeout: 20_000 })
        .toEqual([]);
    }));
});
