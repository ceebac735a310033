import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { canUseCap } from '@bpfleet/linux';
import { freePorts } from '@bpfleet/test-environment';
import { expect, it } from 'vitest';
import { suiteRequires } from '../environment/src/requirements.js';
import { hostsHere } from './requirements.js';
import { ServiceProcess } from './service-process.js';
import { withFolder } from './standalone-process.js';

suiteRequires('an agent whose services are away', { root: await hostsHere() }, () => {
  const start = async (folder: string, env: Record<string, string> = {}, args: string[] = []) => {
    const [port, nobody] = await freePorts(2);
    return new ServiceProcess({
      name: 'agent',
      entry: 'apps/capture-agent/dist/main.js',
      args,
      env: {
        BPFLEET_PORT: String(port),
        BPFLEET_SERVER: `http://127.0.0.1:${nobody}`,
        BPFLEET_KAFKA_BROKERS: `127.0.0.1:${nobody}`,
        BPFLEET_AGENT_STATE_DIR: join(folder, 'state'),
        ...env,
      },
    });
  };

  it('keeps trying, says which interface is not there, and ends on SIGTERM', () =>
    withFolder(async (folder) => {
      const agent = await start(folder, { BPFLEET_AGENT_INTERFACES: 'lo,nosuch*' });
      await agent.until('the agent to run', () => agent.output.includes('not enrolled yet'));
      expect(agent.output).toMatch(/no interface nosuch\* on this host; there are: lo/);
      const stoppedAtMs = performance.now();
      expect(await agent.end('SIGTERM')).toBe(0);
      // Not a measure of speed: without an answer to wait for, only the 5 s of the last flush are allowed.
      expect(performance.now() - stoppedAtMs).toBeLessThan(14_000);
    }));

  it.runIf(canUseCap().ok)('reads by way of cap where that is allowed, and ends on SIGTERM', () =>
    withFolder(async (folder) => {
      const env = { BPFLEET_AGENT_SOURCE: 'cap', BPFLEET_AGENT_ALLOW_CAP: 'true', BPFLEET_AGENT_INTERFACES: 'lo' };
      const agent = await start(folder, env);
      await agent.until('the agent to run', () => agent.output.includes('agent runs'));
      expect(agent.output).toContain('"source":"cap"');
      expect(await agent.end('SIGTERM')).toBe(0);
    }),
  );

  it.each([
    ['a misspelt variable', { BPFLEET_AGENT_INTERFACE: 'lo' }, [], 2, /did you mean BPFLEET_AGENT_INTERFACES/],
    ['an unknown argument', {}, ['--nope'], 2, /unknown argument --nope/],
    ['the source cap without a word', { BPFLEET_AGENT_SOURCE: 'cap' }, [], 2, /BPFLEET_AGENT_ALLOW_CAP=true/],
    [
      'a capture file that is not there',
      { BPFLEET_AGENT_PCAP: '/nowhere.pcap' },
      [],
      1,
      /cannot read the capture file/,
    ],
  ])('refuses %s and writes nothing', (_, env, args, code, says) =>
    withFolder(async (folder) => {
      const agent = await start(folder, env as Record<string, string>, args);
      expect(await agent.exit()).toBe(code);
      expect(agent.output).toMatch(says);
      await expect(access(join(folder, 'state'))).rejects.toMatchObject({ code: 'ENOENT' });
    }),
  );
});
