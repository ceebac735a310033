import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { createHosts, freePorts, type Hosts } from '@bpfleet/test-environment';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { suiteRequires } from '../environment/src/requirements.js';
import { hubEnds } from './capture-point.js';
import { capture, type Deployment, expectOpens, expectSame, exported, type Pushed, push } from './packets-come-back.js';
import { commands, hostsHere } from './requirements.js';
import { startStandalone, withFolder } from './standalone-process.js';
import { talk } from './talk.js';

const run = promisify(execFile);
const needs = { hosts: await hostsHere(), tools: commands('tcpdump', 'tshark') };

suiteRequires('one standalone process between three hosts', needs, () => {
  let hosts: Hosts;
  let deployment: Deployment;
  let standalone: ReturnType<typeof startStandalone>;
  let finished: () => void;
  let folder: Promise<void>;

  beforeAll(async () => {
    hosts = await createHosts({ count: 3 });
    const [port] = await freePorts(1);
    const hubAddress = hosts.rootAddress.replace(/1$/, '2');
    folder = withFolder(async (dataDir) => {
      standalone = startStandalone({
        dataDir,
        port: port!,
        listen: hubAddress,
        args: ['--interface', 'h1,h2,h3'],
        spawn: (argv, options) => hosts.spawn(hosts.hub, argv, options),
      });
      await new Promise<void>((resolve) => {
        finished = resolve;
      });
    });
    const started = (): boolean => standalone?.stdout.includes('bpfleet runs at') ?? false;
    while (standalone === undefined) await new Promise(setImmediate);
    await standalone.until('the start', started);
    const { client } = standalone;
    const until = standalone.until.bind(standalone);
    deployment = { hosts, control: client, query: client, points: hubEnds(hosts, 'standalone'), until };
  });

  afterAll(async () => {
    await standalone?.end();
    finished?.();
    await folder;
    await hosts?.remove();
  });

  const mix: Pushed = {
    filter: { name: 'mix', expression: 'udp or icmp or arp', snaplenBytes: 262_144 },
    tcpdump: 'udp or icmp or arp',
  };
  const heads: Pushed = {
    filter: { name: 'heads', expression: 'tcp port 5443 or icmp6', snaplenBytes: 96 },
    tcpdump: 'tcp port 5443 or icmp6',
  };

  it('stores exactly what a tcpdump beside it captures on each interface', async () => {
    const pushed = [];
    for (const one of [mix, heads]) pushed.push({ ...one, version: await push(deployment, one) });
    for (const one of await capture(deployment, pushed, {
      framesPerPoint: 7_500,
      packetsPerSecond: 5_000,
      traffic: () => talk(hosts),
    })) {
      expectSame(one);
    }
    const all = await exported(deployment.query, { version: 'mix' });
    await expectOpens(all.file, all.packets.length);
  });

  it('ends on SIGTERM with nothing left behind', async () => {
    expect(await standalone.end('SIGTERM')).toBe(0);
    const { stdout } = await run('ip', ['netns', 'pids', hosts.hub.namespace]);
    expect(stdout.trim()).toBe('');
  });
});
