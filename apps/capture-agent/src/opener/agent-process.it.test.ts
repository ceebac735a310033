import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { confinement, enterNetworkNamespace } from '@bpfleet/linux';
import { canMakeHosts, createHosts, type Hosts } from '@bpfleet/test-environment';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { printFigures } from '../../../../tests/conformance/figures.js';
import { seedOfRun } from '../../../../tests/conformance/random.js';
import { suiteRequires } from '../../../../tests/environment/src/requirements.js';
import { testOpenerOptions } from '../testing/opener-options.js';
import { SigningService } from '../testing/signing-service.js';
import { AgentProcess, type AgentProcessOptions } from './agent-process.js';
import { Opener } from './opener.js';
import { type RunAs, runAs } from './run-as.js';

const CHILD = fileURLToPath(new URL('../../dist/testing/listening-agent.js', import.meta.url));
const possible = await canMakeHosts();
const needs = {
  hosts: possible.ok ? {} : { unavailable: possible.reason },
  built: existsSync(CHILD) ? {} : { unavailable: 'apps/capture-agent is not built' },
};

interface Line {
  readonly pid: number;
  readonly epoch?: number;
  readonly event?: { readonly kind: string; readonly socket: { readonly id: number } };
  readonly [more: string]: unknown;
}

suiteRequires('an agent process', needs, () => {
  let hosts: Hosts;
  let folder: string;
  let opener: Opener;
  let agent: AgentProcess;
  let leave: () => void;
  let failure: unknown;
  /** What the log says of each restart. */
  const retriesMs: number[] = [];
  const said: string[] = [];
  const service = new SigningService('agent-1');
  beforeAll(async () => {
    hosts = await createHosts({ count: 1 });
  });
  afterAll(() => hosts?.remove());
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'bpfleet-process-'));
    chmodSync(folder, 0o711);
    // Whoever it runs as.
    writeFileSync(join(folder, 'report'), '');
    chmodSync(join(folder, 'report'), 0o666);
    leave = enterNetworkNamespace(hosts.host(1).namespacePath);
    failure = undefined;
    const onFatal = (error: unknown) => {
      failure = error;
    };
    opener = new Opener(testOpenerOptions(join(folder, 'opener'), { onFatal }));
    await opener.start((event) => agent.tell(event));
    await opener.pin([service.key.publicKey]);
  });
  afterEach(async () => {
    await agent.stop();
    await opener.stop();
    leave();
    rmSync(folder, { recursive: true, force: true });
    expect(failure).toBeUndefined();
  });

  const plain: RunAs = {
    says: 'us',
    owner: undefined,
    asRoot: undefined,
    command: (node, args) => [node, [...args], {}],
  };
  function start(
    as: RunAs = plain,
    more: Readonly<Record<string, string>> = {},
    limits: Pick<AgentProcessOptions, 'stopTimeoutMs'> = {},
  ): void {
    const env = {
      ...process.env,
      ...{ BPFLEET_TEST_REPORT: join(folder, 'report'), BPFLEET_TEST_SECRET: join(folder, 'opener/identity.json') },
      ...more,
    };
    retriesMs.length = 0;
    said.length = 0;
    const logger = pino({
      level: 'error',
      hooks: {
        logMethod: ([fact, text]) => {
          retriesMs.push((fact as { retryMs?: number }).retryMs ?? 0);
          said.push(String(text));
        },
      },
    });
    agent = new AgentProcess(opener, { entry: CHILD, env, runAs: as, logger, ...limits });
    agent.start((error) => {
      failure = error;
    });
  }
  const lines = (): Line[] =>
    readFileSync(join(folder, 'report'), 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  const until = (holds: () => boolean) => expect.poll(holds, { interval: 10, timeout: 15_000 }).toBe(true);
  const greeted = async (count: number): Promise<Line> => {
    const all = () => lines().filter(({ epoch }) => epoch !== undefined);
    await until(() => all().length === count);
    return all()[count - 1]!;
  };
  const udp = (version: number) => ({ filter: 'f', version, expression: `udp port ${5000 + version}` });

  it('that is killed is followed by one with the next epoch, the same sockets and the swap that was under way', async () => {
    start();
    const first = await greeted(1);
    await opener.desire(service.desire([udp(1)]));
    await opener.desire(service.desire([udp(2)]));
    await until(() => lines().some(({ event }) => event?.kind === 'swap'));
    process.kill(first.pid, 'SIGKILL');
    const second = await greeted(2);
    expect(second.epoch).toBeGreaterThan(first.epoch!);
    await until(() => lines().some(({ pid, event }) => pid === second.pid && event !== undefined));
    const heard = (pid: number) => lines().flatMap((line) => (line.pid === pid && line.event ? [line.event] : []));
    const [before] = heard(first.pid);
    expect(before).toMatchObject({
      kind: 'socket',
      socket: { wasRead: false, branches: [{ members: [{ version: 1 }] }] },
    });
    expect(heard(second.pid)).toMatchObject([
      {
        kind: 'socket',
        socket: {
          id: before!.socket.id,
          wasRead: true,
          branches: [{ members: [{ version: 1 }] }],
          swap: { id: 1, branches: [{ members: [{ version: 2 }] }] },
        },
      },
    ]);
    await opener.cut(before!.socket.id, 1);
    expect((await opener.attest()).outcomes).toMatchObject([{ version: 2, state: 'attested' }]);
  });

  it('hears what changed while there was none', async () => {
    start(plain);
    const first = await greeted(1);
    process.kill(first.pid, 'SIGKILL');
    await opener.desire(service.desire([udp(1)]));
    const second = await greeted(2);
    await until(() => lines().some(({ pid, event }) => pid === second.pid && event?.kind === 'socket'));
    expect((await opener.attest()).outcomes).toMatchObject([{ version: 1, state: 'attested' }]);
  });

  describe('started by root', () => {
    const NOBODY = '65534:65534';
    const nobody = ['--reuid=65534', '--regid=65534', '--clear-groups'];
    /** Not below a folder that only root may enter: there the agent process runs in a user namespace. */
    const isReadable = [CHILD, tmpdir()].every(
      (path) => spawnSync('setpriv', [...nobody, 'test', '-r', path]).status === 0,
    );

    const printed = (as: RunAs, { capabilities, noNewPrivileges, readsSecret }: Line): void =>
      printFigures(
        seedOfRun(),
        `the agent process, ${as.says}, n 1: CapEff ${capabilities}, no_new_privs ${noNewPrivileges}, reads our key: ${readsSecret}`,
      );

    const unread = isReadable ? '' : ' [skipped: nobody may not read this tree]';
    it.runIf(isReadable)(`is nobody, without capabilities, any to be had, or our key${unread}`, async () => {
      const as = runAs(NOBODY, CHILD, folder, join(folder, 'opener'));
      expect(as.asRoot).toBeUndefined();
      start(as);
      const line = await greeted(1);
      printed(as, line);
      expect(line).toMatchObject({
        capabilities: '0000000000000000',
        noNewPrivileges: '1',
        readsSecret: false,
      });
      expect(readFileSync(`/proc/${agent.pid}/status`, 'utf8')).toMatch(/^Uid:\s+65534\s+65534/m);
    });

    it('is root in a user namespace where nobody could read the code, and does not see our key: not confined, and says why', async () => {
      chmodSync(folder, 0o700);
      const as = runAs('', CHILD, join(folder, 'state'), join(folder, 'opener'));
      expect(as.says).toBe('a user namespace without capabilities');
      // Of this folder, or of one above the code, where this tree stands below such a one.
      expect(as.asRoot).toMatch(/may not pass through \//);
      expect(as.asRoot).toMatch(/chmod o\+x \//);
      start(as);
      const line = await greeted(1);
      printed(as, line);
      expect(line).toMatchObject({
        capabilities: '0000000000000000',
        noNewPrivileges: '1',
        readsSecret: false,
      });
      expect(readFileSync(`/proc/${agent.pid}/status`, 'utf8')).toMatch(/^Uid:\s+0\s+0/m);
      // It has its filter, or not yet: root it is.
      expect(confinement(agent.pid!).isRoot).toBe(true);
      expect(agent.isConfined).toBe(false);
    });
  });

  it('that would be root by its name is told of, too', () => {
    expect(runAs('0:0', CHILD, folder, join(folder, 'opener')).asRoot).toMatch(/BPFLEET_AGENT_USER names it/);
  });

  it('that cannot start is started again, each time later', async () => {
    start(plain, { BPFLEET_TEST_EXIT: '2' });
    await until(() => retriesMs.length >= 4);
    // Twice as late; or after half a second, where the machine is so busy that it looked as if it had started.
    for (const [index, retryMs] of retriesMs.entries()) {
      const twiceMs = 2 * (retriesMs[index - 1] ?? 100);
      expect([twiceMs, Math.min(twiceMs, 500)]).toContain(retryMs);
    }
    expect(lines().length).toBeLessThanOrEqual(retriesMs.length + 1);
  });

  it('that is stuck is killed where that is allowed, and left behind with a word where it is not', async () => {
    const stop = async () => {
      start(plain, { BPFLEET_TEST_DEAF: 'true' }, { stopTimeoutMs: 3_000 });
      await greeted(1);
      const { pid } = agent;
      await agent.stop();
      // One that is left behind may have found its channel closed by now.
      expect(lines()).toContainEqual(expect.objectContaining({ pid, stopped: true }));
      return pid!;
    };
    await expect(async () => process.kill(await stop(), 0)).rejects.toThrow('ESRCH');
    expect(said).toEqual([]);
    writeFileSync(join(folder, 'report'), '');
    const notAllowed = vi.spyOn(process, 'kill').mockImplementation(() => {
      throw new Error('kill EPERM');
    });
    const pid = await stop().finally(() => notAllowed.mockRestore());
    expect(said).toEqual([expect.stringMatching('may not be killed')]);
    // It finds its channel closed.
    await until(() => lines().at(-1)?.gone !== undefined);
    await until(() => !existsSync(`/proc/${pid}/exe`));
  });

  it('is asked to end, and waited for', async () => {
    start();
    await greeted(1);
    await agent.stop();
    expect(lines().at(-1)).toMatchObject({ stopped: true });
    expect(agent.pid).toBeUndefined();
  });
});
