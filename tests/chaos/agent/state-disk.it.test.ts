import { execFile, spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { AgentStatus } from '@bpfleet/contract';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { numberedExpression } from '../../e2e/numbered-traffic.js';
import { hostsHere } from '../../e2e/requirements.js';
import { untilSettled } from '../../e2e/stored-once.js';
import { postgres, suiteRequires } from '../../environment/src/requirements.js';
import { expectRate } from '../rig/rate.js';
import { printRow } from '../rig/row.js';
import { mountsHere, SmallDisk } from '../rig/small-disk.js';
import { missingAndTwice, OneHost } from './one-host.js';

const run = promisify(execFile);
const PACKETS_PER_SECOND = 1_000;
/** Whether agents can run as other users: all may read this tree. */
const isOpen =
  spawnSync('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', 'test', '-r', import.meta.filename])
    .status === 0;
const unread = isOpen ? '' : ' [skipped: nobody may not read this tree]';

suiteRequires(
  'an agent whose state is on a disk that takes nothing',
  { hosts: await hostsHere(), postgres: await postgres(), mounts: mountsHere() },
  ({ postgres: server }) => {
    const rig = new OneHost();
    let disk: SmallDisk;
    let spoolDisk: SmallDisk;
    beforeAll(async () => {
      disk = await SmallDisk.mount(1);
      spoolDisk = await SmallDisk.mount(64);
      await rig.start(server.connection, {
        BPFLEET_AGENT_STATE_DIR: join(disk.path, 'state'),
        BPFLEET_AGENT_SPOOL_DIR: join(spoolDisk.path, 'spool'),
      });
      rig.sender.start(PACKETS_PER_SECOND);
    });
    afterAll(async () => {
      await rig.stop();
      await disk.unmount();
      await spoolDisk.unmount();
    });

    const remount = (mode: 'ro' | 'rw') => ['mount', '-o', `remount,${mode}`, disk.path] as const;
    /** Refused as busy as long as anybody has a file open for writing: a write of the state that is under way. */
    async function readOnly(): Promise<void> {
      const [command, ...args] = remount('ro');
      const isBusy = (error: Error) => {
        if (!error.message.includes('busy')) throw error;
        return false;
      };
      await rig.fleet.until('nobody to write', () => run(command, args).then(() => true, isBusy));
    }
    /** What was started meanwhile in a mount namespace of its own has it read-only there. */
    async function writable(): Promise<void> {
      const [command, ...args] = remount('rw');
      await run(command, args);
      for (const pid of [rig.openerPid, rig.agentPid]) {
        await run('nsenter', [`--target=${pid}`, '--mount', command, ...args]);
      }
    }
    const said = ({ errors }: AgentStatus): string =>
      errors
        .filter(({ code }) => code === 'DATA_NOT_WRITABLE')
        .map(({ message }) => message)
        .join('\n');
    const identity = async () => JSON.parse(await readFile(join(disk.path, 'state/opener/identity.json'), 'utf8'));

    let awayMs = 0;
    /** For some of it nobody captures. */
    async function away<Result>(work: () => Promise<Result>): Promise<Result> {
      const beganMs = performance.now();
      const result = await work();
      awayMs += performance.now() - beganMs;
      return result;
    }
    async function killBoth(): Promise<void> {
      const [opener, agent] = [rig.openerPid, rig.agentPid];
      process.kill(opener, 'SIGKILL');
      process.kill(agent, 'SIGKILL');
      await rig.fleet.agents.get('h1')!.exit();
    }

    // Below a folder that only root may enter agents have namespaces of their own, where nothing is made writable again.
    const troubles = [
      { kind: 'full', spoil: () => disk.fill(), mend: () => disk.free(), isHere: true },
      { kind: 'read-only', spoil: readOnly, mend: writable, isHere: isOpen },
    ];
    for (const { kind, spoil, mend, isHere } of troubles) {
      const title = `runs what is pushed while it is ${kind}, starts, says so, and keeps it when it can`;
      it.runIf(isHere)(`${title}${isHere ? '' : unread}`, { timeout: 180_000 }, async () => {
        const { openerPid, agentPid } = rig;
        const { generation: before } = await identity();
        await spoil();
        await rig.push('numbered', `${numberedExpression} and len >= ${kind.length}`);
        const status = await rig.untilStatus('both to be said', (now) =>
          /identity in .* memory only: E.*; free space(.|\n)*of what this agent is to run are in memory only/.test(
            said(now),
          ),
        );
        expect([rig.openerPid, rig.agentPid]).toEqual([openerPid, agentPid]);
        expect((await identity()).generation).toBe(before);

        process.kill(agentPid, 'SIGKILL');
        const { epoch } = await rig.untilRuns(status.epoch);
        const restarted = await away(async () => {
          await killBoth();
          rig.fleet.startAgent(rig.hosts.host(1));
          return rig.untilCaptures(epoch);
        });
        const again = await rig.untilStatus('it to be said again', (now) => {
          return now.generation === status.generation && said(now) !== '';
        });
        expect(again.spool!.memoryOnly).toBe(false);

        await mend();
        await rig.untilStatus('it to be over', (now) => said(now) === '');
        expect(await identity()).toMatchObject({ generation: status.generation, epoch: restarted.epoch });
        await away(() => rig.restartAgent());
      });
    }

    it.runIf(isOpen)(`becomes another user’s when the agent runs as one${unread}`, { timeout: 60_000 }, async () => {
      await away(() => rig.restartAgent({ BPFLEET_AGENT_USER: '1234:1234' }));
      expect(statSync(`/proc/${rig.agentPid}`).uid).toBe(1234);
      const { errors, spool } = (await rig.status())!;
      expect([errors, spool!.memoryOnly]).toEqual([[], false]);
      const state = join(disk.path, 'state');
      for (const path of ['control', 'control/desired.json']) expect(statSync(join(state, path)).uid).toBe(1234);
      expect(statSync(join(state, 'opener/identity.json')).uid).toBe(0);
    });

    it('lost no more than the kills of both cost', async () => {
      const sent = await rig.sender.stop();
      await untilSettled(rig.fleet.query, 'numbered');
      const found = missingAndTwice(sent, await rig.stored(1));
      printRow(
        `${sent} packets sent meanwhile at ${rig.sender.rate}/s, ${found.missing} missing, ${found.twice} twice; ` +
          `${awayMs.toFixed(0)} ms in which there was no socket for some of the time`,
      );
      expectRate(rig.sender.rate, PACKETS_PER_SECOND);
      expect(found.twice).toBe(0);
      expect(found.missing).toBeLessThanOrEqual((PACKETS_PER_SECOND * awayMs) / 1000);
    });
  },
);
