import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { queryApi } from '@bpfleet/contract';
import type { KafkaOptions } from '@bpfleet/test-environment';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  OPEN_SECTION_FILE,
  OpenSection,
  STATE_BYTES,
} from '../../../apps/capture-agent/src/capture/sections/open-section.js';
import { hostsHere } from '../../e2e/requirements.js';
import { postgres, suiteRequires } from '../../environment/src/requirements.js';
import { printRow } from '../rig/row.js';
import { seeded } from '../rig/seed.js';
import { type Fate, fateBefore, untilAddsUp } from './fate.js';
import { type LoggedRecord, LogOnDisk } from './log-on-disk.js';
import { missingAndTwice, OneHost } from './one-host.js';

const PACKETS_PER_SECOND = 20_000;
const MIB = 1024 * 1024;
/** Its ring holds what comes in some 300 ms. */
const STOPPED_MS = 800;
const UNREAD_MS = 2_000;
const AFTERWARDS_MS = 500;
const [GIVEN_UP, DAMAGED] = [3, 2];
const RETRY_MS = 10;

class OnOwnDisk extends OneHost {
  folder = '';

  protected override async startKafka(options: KafkaOptions = {}) {
    this.folder = await mkdtemp(join(tmpdir(), 'bpfleet-log-'));
    return super.startKafka({ ...options, dataFolder: this.folder });
  }

  override async stop(): Promise<void> {
    await super.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

suiteRequires(
  seeded('packets lost at all five places on the way of one agent'),
  { hosts: await hostsHere(), postgres: await postgres() },
  ({ postgres: server }) => {
    const rig = new OnOwnDisk();
    let log: LogOnDisk;
    beforeAll(async () => {
      await rig.start(server.connection);
      await rig.restartAgent({
        BPFLEET_AGENT_INTERFACES: 'eth0',
        BPFLEET_AGENT_RING_BYTES: String(MIB),
        BPFLEET_AGENT_SPOOL_BYTES: String(MIB),
      });
      log = new LogOnDisk(rig, join(rig.folder, 'data'));
    });
    afterAll(() => rig.stop());

    const agentLedger = async () => (await rig.status())!.ledger!.agent;

    async function overflowRing(): Promise<void> {
      process.kill(rig.agentPid, 'SIGSTOP');
      await delay(STOPPED_MS);
      process.kill(rig.agentPid, 'SIGCONT');
    }

    const openSectionFile = () => join(rig.fleet.stateDir(rig.hosts.host(1)), 'spool', OPEN_SECTION_FILE);

    /** With packets in its open section. */
    async function stopAgent(): Promise<void> {
      for (;;) {
        process.kill(rig.agentPid, 'SIGSTOP');
        const bytes = await readFile(openSectionFile());
        const left = new OpenSection(new Uint8Array(bytes).buffer).left();
        if (left?.isReadable && left.blocks.length > 0) return;
        process.kill(rig.agentPid, 'SIGCONT');
        await delay(RETRY_MS);
      }
    }

    /**
     * What its open section held is found again by the next process: a kill alone loses nothing. So its packets are damaged
     * before there is one. @returns what became of all that the killed process took
     */
    async function killAgent(): Promise<Fate> {
      const { epoch } = (await rig.status())!;
      await stopAgent();
      const { openerPid, agentPid } = rig;
      process.kill(openerPid, 'SIGSTOP');
      process.kill(agentPid, 'SIGKILL');
      const file = await open(openSectionFile(), 'r+');
      const { size } = await file.stat();
      await file.write(Buffer.alloc(size - STATE_BYTES, 0xff), 0, undefined, STATE_BYTES);
      await file.close();
      process.kill(openerPid, 'SIGCONT');
      return fateBefore((await rig.untilCaptures(epoch)).ledger);
    }

    async function overflowSpool(): Promise<void> {
      const { evictedPackets } = await agentLedger();
      await rig.kafka.control.pause();
      await rig.untilStatus('sections given up', ({ ledger }) => ledger!.agent.evictedPackets > evictedPackets);
      await rig.kafka.control.resume();
    }

    const untilSent = () => rig.untilStatus('all to be sent', ({ spool }) => spool!.sections === 0);

    /** While nobody reads, the log gives up its oldest records, and some behind them are damaged. */
    async function loseOfLog(from: number): Promise<{ sent: number; lost: LoggedRecord[] }> {
      await log.compressNothing();
      let result = { sent: 0, lost: [] as LoggedRecord[] };
      await rig.fleet.withoutAnalytics(async () => {
        const before = await log.ends();
        const sender = rig.senderTo(rig.hosts.host(1));
        sender.start(PACKETS_PER_SECOND, from);
        await delay(UNREAD_MS);
        const sent = await sender.stop();
        await untilSent();
        const lost = (await log.since(before)).slice(0, GIVEN_UP + DAMAGED);
        for (const record of lost.slice(GIVEN_UP)) await log.damage(record);
        await log.giveUpTo(lost[GIVEN_UP - 1]!);
        result = { sent, lost };
      });
      return result;
    }

    // Once: what the agent has given up it counts from its process's start.
    it('are what an answer says is missing', { timeout: 180_000 }, async () => {
      const sender = rig.senderTo(rig.hosts.host(1));
      sender.start(PACKETS_PER_SECOND, 0);
      await rig.untilStatus('packets', ({ ledger }) => ledger!.agent.captured > 0);
      await overflowRing();
      const killed = await killAgent();
      await overflowSpool();
      let sent = await sender.stop();
      await untilSent();
      const unread = await loseOfLog(sent);
      sent += unread.sent;
      const ofLog = unread.lost.reduce((sum, { numbers }) => sum + numbers.length, 0);
      // Sections that follow tell the store what the agent has counted.
      const afterwards = rig.senderTo(rig.hosts.host(1));
      afterwards.start(PACKETS_PER_SECOND, sent);
      await delay(AFTERWARDS_MS);
      sent += await afterwards.stop();

      const all = await untilAddsUp(rig, killed, sent);
      await untilSent();
      const { evictedPackets } = await agentLedger();
      const left = all.captured - all.lost - evictedPackets - ofLog;
      const { missing, twice } = missingAndTwice(sent, await rig.stored(left));
      const query = { since: '-1h', limit: 1 };
      const { completeness } = await rig.fleet.query.call(queryApi.listPackets, { query });
      printRow(
        `lost at five places: ${sent} packets sent at ${PACKETS_PER_SECOND}/s, ${missing} missing, ${twice} twice; ` +
          `by the agent's ledger ${all.dropped} dropped by the kernel, ${all.lost} lost with a killed process, ` +
          `${evictedPackets} given up by the spool, and ${ofLog} in records that the log gave up or damaged; ` +
          `the answer: ${JSON.stringify(completeness)}`,
      );
      expect({ missing, twice }).toEqual({ missing: sent - left, twice: 0 });
      expect(completeness).toMatchObject({
        droppedByKernel: all.dropped,
        lostByAgents: all.lost,
        leftOutByAgents: 0,
        packetsMissing: evictedPackets + ofLog,
        recordsQuarantined: DAMAGED,
        recordsLost: GIVEN_UP,
      });
      expect(Math.min(all.dropped, all.lost, evictedPackets, ofLog)).toBeGreaterThan(0);
      expect(missing).toBe(completeness.droppedByKernel + completeness.lostByAgents + completeness.packetsMissing);
    });
  },
);
