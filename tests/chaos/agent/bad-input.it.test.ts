import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type AgentStatus, controlApi } from '@bpfleet/contract';
import { interfaces, PacketSender } from '@bpfleet/linux';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { numberedFrames } from '../../e2e/numbered-traffic.js';
import { hostsHere } from '../../e2e/requirements.js';
import { postgres, suiteRequires } from '../../environment/src/requirements.js';
import { printRow } from '../rig/row.js';
import { missingAndTwice, OneHost } from './one-host.js';

const run = promisify(execFile);
const PACKETS_PER_SECOND = 1_000;
const DISK_MIB = 8;
const OTHER_NUMBERS = 10_000_000;

type Filter = AgentStatus['filters'][number];

suiteRequires(
  'what goes wrong on the host of a running agent',
  { hosts: await hostsHere(), postgres: await postgres() },
  ({ postgres: server }) => {
    const rig = new OneHost();
    let disk: string;
    let agentPid: number;

    beforeAll(async () => {
      disk = await mkdtemp(join(tmpdir(), 'bpfleet-disk-'));
      await run('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MIB}m`, 'tmpfs', disk]);
      await rig.start(server.connection, {
        BPFLEET_AGENT_SPOOL_DIR: join(disk, 'spool'),
        BPFLEET_AGENT_INTERFACES: 'eth0,extra0,tun0',
      });
      agentPid = rig.agentPid;
      rig.sender.start(PACKETS_PER_SECOND);
    });
    afterAll(async () => {
      await rig.stop();
      await run('umount', [disk]);
      await rm(disk, { recursive: true });
    });

    const ip = (...args: string[]) => run('ip', ['-n', rig.hosts.host(1).namespace, ...args]);
    /** In one process: within milliseconds. */
    const batch = async (namespace: string, commands: readonly string[]) => {
      const running = run('ip', ['-n', namespace, '-batch', '-']);
      running.child.stdin!.end(commands.join('\n'));
      await running;
    };
    const inHost = (command: string) => rig.hosts.exec(rig.hosts.host(1), ['sh', '-c', command]);

    const on = ({ filters }: AgentStatus, name: string, device: string): Filter | undefined =>
      filters.find((one) => one.filter === name && one.interface === device);
    const errorsOf = ({ errors }: AgentStatus, code: string): string[] =>
      errors.filter((error) => error.code === code).map(({ message }) => message);

    /** Numbered packets to an interface of the host, until it is gone. */
    async function sendUntilGone(peer: string, first: number): Promise<void> {
      const sender = rig.hosts.inside(rig.hosts.host(1), () =>
        PacketSender.open({ interfaceIndex: interfaces().find(({ name }) => name === peer)!.index }),
      );
      try {
        for (let from = first; ; from += 100) {
          sender.send(numberedFrames(from, 100));
          await delay(1);
        }
      } catch {
        // ENXIO, ENETDOWN: what is waited for.
      } finally {
        sender.close();
      }
    }

    it('says that an interface vanished under load, and takes it up when it comes back', async () => {
      await rig.untilStatus('extra0 to be missed', (status) =>
        errorsOf(status, 'INTERFACE_UNKNOWN').some((message) => /extra0/.test(message)),
      );
      for (let round = 1; round <= 2; round++) {
        await ip('link', 'add', 'extra0', 'type', 'veth', 'peer', 'name', 'extra1');
        for (const name of ['extra0', 'extra1']) await ip('link', 'set', name, 'up');
        await rig.untilStatus(
          'the filter to run there',
          (status) => on(status, 'numbered', 'extra0')?.state === 'attested',
        );
        const sending = sendUntilGone('extra1', round * OTHER_NUMBERS);
        await rig.untilStatus('packets', (status) => (on(status, 'numbered', 'extra0')?.counters?.captured ?? 0) > 0);
        await ip('link', 'delete', 'extra0');
        await sending;
        const status = await rig.untilStatus('it to be gone', (now) => on(now, 'numbered', 'extra0') === undefined);
        expect(status.interfaces.map(({ name }) => name)).not.toContain('extra0');
        expect(on(status, 'numbered', 'eth0')).toMatchObject({ state: 'attested' });
      }
    });

    it('captures on an interface that is gone and back before anybody looked', async () => {
      const { namespace } = rig.hosts.host(1);
      const away = rig.hosts.hub.namespace;
      const up = ['link set extra1 up', 'link set extra0 up'];
      const make = ['link add extra0 index 900 type veth peer name extra1 index 901', ...up];
      const captured = (status: AgentStatus) => on(status, 'numbered', 'extra0')?.counters?.captured ?? 0;
      await batch(namespace, make);
      await rig.untilStatus('the filter to run there', (now) => on(now, 'numbered', 'extra0')?.state === 'attested');
      const changes = {
        'removed and made again': () => batch(namespace, ['link delete extra0', ...make]),
        'in another network namespace': async () => {
          await batch(namespace, [`link set extra0 netns ${away}`]);
          await batch(away, [`link set extra0 netns ${namespace}`]);
          await batch(namespace, up);
        },
      };
      let round = 2;
      for (const [how, change] of Object.entries(changes)) {
        await change();
        const before = captured((await rig.status())!);
        const sending = sendUntilGone('extra1', ++round * OTHER_NUMBERS);
        await rig.untilStatus(`packets of an interface that was ${how}`, (now) => captured(now) > before);
        await rig.untilStatus('it to be attested', (now) => on(now, 'numbered', 'extra0')?.state === 'attested');
        // Its end is what ends the sending.
        await ip('link', 'set', 'extra1', 'down');
        await sending;
        await ip('link', 'set', 'extra1', 'up');
      }
      await ip('link', 'delete', 'extra0');
    });

    it('says which filter is not for an interface’s link type, and runs the others there', async () => {
      await rig.push('macs', 'ether src 02:00:00:00:00:01');
      await ip('tuntap', 'add', 'dev', 'tun0', 'mode', 'tun');
      await ip('link', 'set', 'tun0', 'up');
      const status = await rig.untilStatus('both to be judged on tun0', (now) => on(now, 'macs', 'tun0') !== undefined);
      expect(on(status, 'macs', 'tun0')).toMatchObject({ state: 'not applicable', linkType: 'RAW' });
      expect(on(status, 'macs', 'tun0')!.reason).toMatch(/link type RAW/);
      expect(on(status, 'numbered', 'tun0')).toMatchObject({ state: 'attested', linkType: 'RAW' });
    });

    it('says that net.core.optmem_max is too low, and what to set it to', async () => {
      await inHost('echo 2048 > /proc/sys/net/core/optmem_max');
      const ports = Array.from({ length: 150 }, (_, index) => `port ${2 * index + 1}`).join(' or ');
      await rig.fleet.control.call(controlApi.createFilter, { body: { name: 'long', expression: ports } });
      await rig.fleet.control.call(controlApi.createAssignment, { body: { filter: 'long' } });
      const status = await rig.untilStatus('the filter to be refused', (now) => on(now, 'long', 'eth0') !== undefined);
      expect(on(status, 'long', 'eth0')).toMatchObject({
        state: 'refused',
        reason: expect.stringMatching(/optmem_max/),
      });
      expect(on(status, 'numbered', 'eth0')).toMatchObject({ state: 'attested' });
      // Whoever does what it says need do no more.
      await inHost('echo 131072 > /proc/sys/net/core/optmem_max');
      await rig.untilStatus('it to run', (now) => /^attested/.test(on(now, 'long', 'eth0')?.state ?? ''));
    });

    it('says that the disk is full, and keeps in memory what it takes no more', async () => {
      await rig.kafka.control.pause();
      const filler = join(disk, 'filler');
      await run('sh', ['-c', `cat /dev/zero > ${filler} 2> /dev/null; true`]);
      const full = await rig.untilStatus('sections to wait in memory', ({ spool }) => spool!.memoryOnly);
      expect(errorsOf(full, 'DATA_NOT_WRITABLE').join()).toMatch(/the spool in .* takes no sections.*: free space/);
      await rm(filler);
      await rig.kafka.control.resume();
      await rig.untilStatus('the disk to be used again', (status) => {
        const isSaid = errorsOf(status, 'DATA_NOT_WRITABLE').length > 0;
        return !status.spool!.memoryOnly && !isSaid;
      });
    });

    it('lost nothing of the rest meanwhile, and ran all the time', { timeout: 120_000 }, async () => {
      expect(rig.agentPid).toBe(agentPid);
      const sent = await rig.sender.stop();
      const found = missingAndTwice(sent, await rig.stored(sent));
      printRow(`${sent} packets sent meanwhile, ${found.missing} missing, ${found.twice} twice`);
      expect(found).toEqual({ missing: 0, twice: 0 });
      // What was sent from memory counts, too. Every packet that is stored is one of this filter's.
      await rig.untilStatus('the ledger to add up', ({ ledger }) => {
        const ofFilter = ledger!.filters.filter(({ version }) => version === 'numbered@1');
        const matched = ofFilter.reduce((sum, one) => sum + one.stored, 0);
        return matched >= sent && matched === ledger!.agent.spooledPackets && matched === ledger!.agent.sentPackets;
      });
    });
  },
);
