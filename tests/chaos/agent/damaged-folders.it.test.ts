import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { hostsHere } from '../../e2e/requirements.js';
import type { ServiceProcess } from '../../e2e/service-process.js';
import { postgres, suiteRequires } from '../../environment/src/requirements.js';
import { printRow } from '../rig/row.js';
import { ageSpool } from './aged-spool.js';
import { BehindProxy } from './behind-proxy.js';
import { isWell } from './is-well.js';
import { missingAndTwice, NUMBERS_APART, outOfOrder } from './one-host.js';

const run = promisify(execFile);
const PACKETS_PER_SECOND = 4_000;
const LEAST_PACKETS = 2_000;
const OLD_MS = 6 * 3_600_000;

suiteRequires(
  'an agent that starts on folders that are damaged, old or in use',
  { hosts: await hostsHere(), postgres: await postgres() },
  ({ postgres: server }) => {
    const rig = new BehindProxy();
    let disk: string;
    let runs = 0;

    beforeAll(async () => {
      disk = await mkdtemp(join(tmpdir(), 'bpfleet-disk-'));
      await run('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', disk]);
      await rig.start(server.connection, { BPFLEET_AGENT_SPOOL_DIR: join(disk, 'spool') });
    });
    afterAll(async () => {
      await rig.stop();
      await run('umount', [disk]);
      await rm(disk, { recursive: true });
    });

    const stateDir = () => rig.fleet.stateDir(rig.hosts.host(1));
    const spoolDir = () => join(disk, 'spool');

    /** Busy until the kernel has closed what a killed agent had open. */
    const remount = (mode: 'ro' | 'rw'): Promise<unknown> =>
      expect.poll(() => run('mount', ['-o', `remount,${mode}`, disk]).catch(() => undefined)).toBeDefined();
    /** Others fill the disk, again whenever there is room: what was sent is deleted. */
    let filling: ChildProcess;
    async function fill(): Promise<void> {
      const script = `while :; do cat /dev/zero >> ${join(disk, 'filler')}; echo full; sleep 0.02; done 2> /dev/null`;
      filling = spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'ignore'] });
      await once(filling.stdout!, 'data');
      filling.stdout!.resume();
    }
    async function giveBack(): Promise<void> {
      filling.kill('SIGKILL');
      await once(filling.stdout!, 'close');
      await rm(join(disk, 'filler'));
    }

    async function killBoth(): Promise<void> {
      const [opener, agent] = [rig.openerPid, rig.agentPid];
      process.kill(opener, 'SIGKILL');
      process.kill(agent, 'SIGKILL');
      await rig.fleet.agents.get('h1')!.exit();
    }

    const startAgain = (): ServiceProcess => rig.fleet.startAgent(rig.hosts.host(1));

    /** @returns which numbers: `count` from `from` on; all are captured and in the spool, or sent */
    async function traffic(): Promise<{ from: number; count: number }> {
      const from = runs++ * NUMBERS_APART;
      const before = (await rig.status())!.ledger!.agent;
      const sender = rig.senderTo(rig.hosts.host(1));
      sender.start(PACKETS_PER_SECOND, from);
      await rig.untilStatus('packets', ({ ledger }) => ledger!.agent.captured - before.captured >= LEAST_PACKETS);
      const count = await sender.stop();
      await rig.untilStatus(`all ${count} packets to be spooled behind ${before.spooledPackets}`, ({ ledger }) => {
        const { captured, spooledPackets } = ledger!.agent;
        // More where those of the process before are still being counted.
        return captured - before.captured === count && spooledPackets - before.spooledPackets >= count;
      });
      return { from, count };
    }

    async function expectStored({ from, count }: { from: number; count: number }, lost = 0): Promise<void> {
      const known = await rig.stored(count - lost, from);
      const found = missingAndTwice(count, known, from);
      expect(found).toEqual({ missing: lost, twice: 0 });
    }

    it('sends what is good of a damaged spool, and says how much was not', { timeout: 120_000 }, async () => {
      rig.loseBroker();
      const sent = await traffic();
      const { epoch } = (await rig.status())!;
      await killBoth();
      const [segment] = (await readdir(spoolDir())).filter((name) => name.endsWith('.seg')).sort();
      await overwrite(join(spoolDir(), segment!));
      startAgain();
      await rig.untilRuns(epoch);
      rig.reachBroker();
      let lost = 0;
      await rig.untilStatus('the rest to be sent', ({ errors, ledger }) => {
        const said = errors.find(({ code }) => code === 'SECTION_CORRUPT');
        lost = Number(/sections with (\d+) packets are lost/.exec(said?.message ?? '')?.[1] ?? 0);
        return lost > 0 && ledger!.agent.sentPackets + lost === sent.count;
      });
      printRow(`${sent.count} packets waited in a spool that was damaged, ${lost} lost`);
      expect(lost).toBeLessThan(sent.count);
      await expectStored(sent, lost);
    });

    it('sends again what it sent where that is not known any more, and gives up nothing', {
      timeout: 120_000,
    }, async () => {
      const sent = await traffic();
      await expectStored(sent);
      const { epoch } = (await rig.status())!;
      await killBoth();
      await rm(join(spoolDir(), 'marks'));
      const agent = startAgain();
      await rig.untilRuns(epoch);
      await expectStored(await traffic());
      expect((await rig.status())!.ledger!.agent.evictedPackets).toBe(0);
      expect(agent.output).not.toMatch(/given up/);
      await expectStored(sent);
    });

    it('asks again for orders that are damaged, and runs them', { timeout: 120_000 }, async () => {
      const { epoch } = (await rig.status())!;
      await killBoth();
      const control = join(stateDir(), 'control');
      const bundles = await readdir(join(control, 'bundles'));
      for (const name of bundles) await overwrite(join(control, 'bundles', name));
      await writeFile(join(control, 'desired.json'), '{"payload":"');
      const agent = startAgain();
      await rig.untilRuns(epoch);
      expect(agent.output).toMatch(/desired.json.*the kept desired state is damaged/);
      await expectStored(await traffic());
    });

    it('starts where files of its state are none, says so, and is as before when they are', {
      timeout: 120_000,
    }, async () => {
      const { epoch } = (await rig.status())!;
      await killBoth();
      const desired = join(stateDir(), 'control/desired.json');
      const keys = join(spoolDir(), 'keys');
      for (const path of [desired, keys]) await rm(path, { recursive: true });
      await mkdir(desired);
      await writeFile(keys, '');
      const agent = startAgain();
      const { epoch: second } = await rig.untilRuns(epoch);
      expect(agent.output).toMatch(/DATA_FOREIGN.*desired.json is no regular file.*a kept order cannot be read/);
      await rig.untilStatus('both to be said', ({ errors }) => {
        const said = errors.map(({ code, message }) => `${code} ${message}`).join();
        const isOf = (what: string) => new RegExp(`DATA_NOT_WRITABLE [^,]*${what}`).test(said);
        return isOf('session keys') && isOf('what this agent is to run');
      });
      await expectStored(await traffic());

      await rm(desired, { recursive: true });
      await rm(keys);
      // What is captured from here on has somewhere to keep its key.
      await expectStored(await traffic());
      await rig.untilStatus('it to be over', ({ errors }) => isWell(errors));
      await killBoth();
      startAgain();
      await rig.untilRuns(second);
      await expectStored(await traffic());
    });

    const troubles = [
      ['read-only', () => remount('ro'), () => remount('rw')],
      ['full', fill, giveBack],
    ] as const;

    it.each(troubles)(
      'sends from memory where the disk is %s, says so, and goes on when it is not any more',
      { timeout: 120_000 },
      async (_, ...disk) => {
        const [spoil, mend] = disk;
        const { epoch, ledger } = (await rig.status())!;
        const sender = rig.senderTo(rig.hosts.host(1));
        const left = { from: runs++ * NUMBERS_APART, before: ledger!.agent.captured };
        sender.start(PACKETS_PER_SECOND, left.from);
        await rig.untilStatus('packets', (status) => status.ledger!.agent.captured > left.before + LEAST_PACKETS);
        await killBoth();
        await sender.stop();
        await spoil();
        const agent = startAgain();
        try {
          const { before } = (await rig.untilRuns(epoch)).ledger!;
          const sent = await traffic();
          await rig.untilStatus('it to be said', ({ errors }) =>
            errors.some(({ code }) => code === 'DATA_NOT_WRITABLE'),
          );
          await expectStored(sent);
          // The section that was open when the process was killed came through memory, too.
          const count = Number(before!['before-captured']) - left.before;
          await expectStored({ from: left.from, count });
          printRow(`${count} packets before the kill, ${before!['before-recovered']} of them in the open section`);
        } finally {
          await mend();
        }
        await expectStored(await traffic());
        await agent.end();
        const { epoch: ended } = (await rig.status())!;
        startAgain();
        await rig.untilRuns(ended);
      },
    );

    it('keeps what waited in memory on the disk again, for the process after one that ended in order', {
      timeout: 120_000,
    }, async () => {
      const { epoch } = (await rig.status())!;
      rig.loseBroker();
      await fill();
      const sent = await traffic();
      expect((await rig.status())!.spool!.memoryOnly).toBe(true);
      await giveBack();
      await rig.fleet.agents.get('h1')!.end();
      startAgain();
      await rig.untilRuns(epoch);
      rig.reachBroker();
      await expectStored(sent);
    });

    it('counts what waited in memory when it was killed', { timeout: 120_000 }, async () => {
      const { epoch } = (await rig.status())!;
      rig.loseBroker();
      await fill();
      const sent = await traffic();
      await killBoth();
      await giveBack();
      startAgain();
      await rig.untilRuns(epoch);
      rig.reachBroker();
      const { before } = (await rig.status())!.ledger!;
      const lost = Number(before!['before-lost-in-memory']);
      expect(lost).toBeGreaterThan(0);
      await expectStored(sent, lost);
      printRow(`${sent.count} packets, ${lost} of them lost with the memory of the process, and counted`);
    });

    // F12 of the failure suite.
    it('sends a spool that is six hours old with what is captured now, and keeps the order', {
      timeout: 120_000,
    }, async () => {
      // Its segments are new: whatever is in them waits.
      const { epoch } = await rig.restartAgent();
      rig.loseBroker();
      const old = await traffic();
      await killBoth();
      const packets = ageSpool(spoolDir(), epoch, OLD_MS);
      startAgain();
      const { evictedPackets } = (await rig.untilRuns(epoch)).ledger!.agent;
      const sender = rig.senderTo(rig.hosts.host(1));
      const from = runs++ * NUMBERS_APART;
      sender.start(PACKETS_PER_SECOND, from);
      await rig.untilStatus('packets', ({ ledger }) => ledger!.agent.captured >= LEAST_PACKETS);
      rig.reachBroker();
      const { sentPackets } = (await rig.status())!.ledger!.agent;
      await rig.untilStatus('both to be sent', ({ ledger }) => ledger!.agent.sentPackets > sentPackets + old.count);
      const count = await sender.stop();
      await expectStored({ from, count });
      await expectStored(old);
      expect((await rig.status())!.ledger!.agent.evictedPackets).toBe(evictedPackets);
      const places = (await rig.storedPlaces()).filter((place) => place.epoch >= epoch);
      const aged = places.filter(({ atMs }) => atMs < Date.now() - OLD_MS);
      printRow(`${packets} of ${old.count} packets made 6 h old, sent with ${count} new ones`);
      expect(aged).toHaveLength(packets);
      expect(places).toHaveLength(old.count + count);
      expect(outOfOrder(places)).toEqual([]);
    });

    it('leaves a spool to the agent that uses it, and says which that is', { timeout: 120_000 }, async () => {
      const [first, pid] = [rig.fleet.agents.get('h1')!, rig.agentPid];
      const second = rig.fleet.startAgent(rig.hosts.host(1), { BPFLEET_PORT: '17422' });
      rig.fleet.agents.set('h1', first);
      try {
        const refusal = new RegExp(
          `"code":"DATA_IN_USE","message":"[^"]+${spoolDir()} is in use by process ${pid} \\(`,
        );
        await second.until('the refusal', () => refusal.test(second.output));
        await expectStored(await traffic());
      } finally {
        await second.end();
      }
    });

    it('does not start with an identity that is damaged, and says which file it is', { timeout: 120_000 }, async () => {
      const { epoch } = (await rig.status())!;
      await rig.fleet.agents.get('h1')!.end();
      const file = join(stateDir(), 'opener', 'identity.json');
      const good = await readFile(file);
      await writeFile(file, good.subarray(0, good.length / 2));
      const agent = startAgain();
      expect(await agent.exit()).toBe(1);
      expect(agent.output).toMatch(/identity\.json is damaged/);
      expect(agent.output).toMatch(/restore it from a backup, or remove it and enrol/);
      await writeFile(file, good);
      startAgain();
      await rig.untilRuns(epoch);
      await expectStored(await traffic());
    });
  },
);

/** Some bytes in the middle become others. */
async function overwrite(file: string): Promise<void> {
  const handle = await open(file, 'r+');
  try {
    const { size } = await handle.stat();
    const length = Math.min(100, Math.ceil(size / 2));
    await handle.write(Buffer.alloc(length, 0xa5), 0, length, Math.floor(size / 2));
  } finally {
    await handle.close();
  }
}
