import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Completeness, queryApi } from '@bpfleet/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  OPEN_SECTION_FILE,
  OpenSection,
  STATE_BYTES,
} from '../../../apps/capture-agent/src/capture/sections/open-section.js';
import type { SteadySender } from '../../e2e/steady-sender.js';
import { expectRate } from '../rig/rate.js';
import { printRow } from '../rig/row.js';
import { type Fate, fateBefore, noFate, untilAddsUp } from './fate.js';
import { type LoggedRecord, LogOnDisk } from './log-on-disk.js';
import { missingAndTwice, type OneHost } from './one-host.js';

const PACKETS_PER_SECOND = 20_000;
const FEW_PER_SECOND = 1_000;
const MIB = 1024 * 1024;
/** Its ring holds what comes in some 300 ms. */
const STOPPED_MS = 800;
const UNREAD_MS = 2_000;
const AFTERWARDS_MS = 500;
const [GIVEN_UP, DAMAGED] = [3, 2];
const RETRY_MS = 10;

/**
 * @param rig a fleet that has just started: an answer counts all that was ever lost
 * @param logFolder `log.dirs` of its broker
 * @param nextNumbers where the numbers of one more test begin
 */
export function fiveLosses(rig: OneHost, logFolder: () => string, nextNumbers: () => number): void {
  describe('packets lost at all five places on the way of one agent', () => {
    let log: LogOnDisk;
    let killed = noFate();
    beforeAll(async () => {
      await rig.restartAgent({
        BPFLEET_AGENT_INTERFACES: 'eth0',
        BPFLEET_AGENT_RING_BYTES: String(MIB),
        BPFLEET_AGENT_SPOOL_BYTES: String(MIB),
      });
      log = new LogOnDisk(rig, logFolder());
    });
    afterAll(() => rig.restartAgent());

    const senders: SteadySender[] = [];
    function newSender(): SteadySender {
      const sender = rig.senderTo(rig.hosts.host(1));
      senders.push(sender);
      return sender;
    }

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

    /** Also of what an open section still held when the sender stopped. @param sent numbers in all */
    async function untilAcknowledged(sent: number): Promise<Fate> {
      const all = await untilAddsUp(rig, killed, sent);
      await rig.untilStatus('all to be acknowledged or given up', ({ ledger }) => {
        const { captured, carriedPackets = 0, sentPackets, evictedPackets } = ledger!.agent;
        return sentPackets + evictedPackets === carriedPackets + captured;
      });
      return all;
    }

    /** While nobody reads, the log gives up its oldest records, and some behind them are damaged. */
    async function loseOfLog(from: number, sentBefore: number): Promise<{ sent: number; lost: LoggedRecord[] }> {
      await log.compressNothing();
      await rig.untilRead();
      let result = { sent: 0, lost: [] as LoggedRecord[] };
      await rig.fleet.withoutAnalytics(async () => {
        const before = await log.ends();
        const sender = newSender();
        sender.start(PACKETS_PER_SECOND, from);
        await delay(UNREAD_MS);
        const sent = await sender.stop();
        await untilAcknowledged(sentBefore + sent);
        const lost = (await log.since(before)).slice(0, GIVEN_UP + DAMAGED);
        for (const record of lost.slice(GIVEN_UP)) await log.damage(record);
        await log.giveUpTo(lost[GIVEN_UP - 1]!);
        result = { sent, lost };
      });
      return result;
    }

    async function answered(): Promise<Completeness> {
      const query = { since: '-1h', limit: 1 };
      return (await rig.fleet.query.call(queryApi.listPackets, { query })).completeness;
    }

    it('are what an answer says is missing', { timeout: 180_000 }, async () => {
      const from = nextNumbers();
      const sender = newSender();
      sender.start(PACKETS_PER_SECOND, from);
      await rig.untilStatus('packets', ({ ledger }) => ledger!.agent.captured > 0);
      await overflowRing();
      let sent = await sender.stop();
      await untilAcknowledged(sent);
      // Of a process that is killed nobody says what it gave up: it is killed under so few packets that its spool holds them.
      const { evictedPackets: evictedBefore } = await agentLedger();
      const few = newSender();
      few.start(FEW_PER_SECOND, from + sent);
      killed = await killAgent();
      sent += await few.stop();
      const many = newSender();
      many.start(PACKETS_PER_SECOND, from + sent);
      await overflowSpool();
      sent += await many.stop();
      await untilAcknowledged(sent);
      const evictedByThen = evictedBefore + (await agentLedger()).evictedPackets;
      await rig.untilRead();
      const ofSpool = await answered();
      expect(ofSpool).toMatchObject({ packetsMissing: evictedByThen, recordsQuarantined: 0, recordsLost: 0 });
      const unread = await loseOfLog(from + sent, sent);
      sent += unread.sent;
      const ofLog = unread.lost.reduce((sum, { numbers }) => sum + numbers.length, 0);
      // Sections that follow tell the store what the agent has counted.
      const afterwards = newSender();
      afterwards.start(PACKETS_PER_SECOND, from + sent);
      await delay(AFTERWARDS_MS);
      sent += await afterwards.stop();

      const all = await untilAcknowledged(sent);
      const evictedPackets = evictedBefore + (await agentLedger()).evictedPackets;
      const left = all.captured - all.lost - evictedPackets - ofLog;
      const { missing, twice } = missingAndTwice(sent, await rig.stored(left, from), from);
      const completeness = await answered();
      printRow(
        `lost at five places: ${sent} packets sent at ${senders.map(({ rate }) => rate).join(', then ')}/s, ${missing} missing, ${twice} twice; ` +
          `by the agent's ledger ${all.dropped} dropped by the kernel, ${all.lost} lost with a killed process, ` +
          `${evictedPackets} given up by the spool, and ${ofLog} in records that the log gave up or damaged; ` +
          `the answer: ${JSON.stringify(completeness)}`,
      );
      for (const sender of senders) expectRate(sender.rate, sender === few ? FEW_PER_SECOND : PACKETS_PER_SECOND);
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
  });
}
