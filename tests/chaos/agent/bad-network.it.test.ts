import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { KafkaOptions } from '@bpfleet/test-environment';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { hostsHere } from '../../e2e/requirements.js';
import { postgres, suiteRequires } from '../../environment/src/requirements.js';
import { expectRate } from '../rig/rate.js';
import { printRow } from '../rig/row.js';
import { newRandom, seeded } from '../rig/seed.js';
import { anonymousMib } from '../rig/soak.js';
import { BehindProxy } from './behind-proxy.js';
import { brokersAway } from './brokers-away.js';
import { fiveLosses } from './five-losses.js';
import { missingAndTwice, NUMBERS_APART } from './one-host.js';
import { overload } from './overload.js';

/** 60 s of resets, 30 s half-open and 60 s of a slow network in the long form, `BPFLEET_TEST_ROUNDS=20`. */
const ROUNDS = Number(process.env.BPFLEET_TEST_ROUNDS ?? 1);
const IS_LONG = ROUNDS >= 20;
const PACKETS_PER_SECOND = IS_LONG ? 20_000 : 2_000;
const RESETS_MS = 3_000 * ROUNDS;
const HALF_OPEN_MS = 1_500 * ROUNDS;
const SLOW_MS = 3_000 * ROUNDS;
const BEFORE_MS = 500;
const PARTS = 3;
/** Of a network that is slow for long: so long, with fewer packets than above, and so many rebalances meanwhile. */
const SLOW_LONG = { ms: 600_000, parts: 20, packetsPerSecond: 2_000, mostRebalances: 2 };
const CATCH_UP_MS = 60_000;
const KILLS = IS_LONG ? 20 : 1;
const [LONGEST_LIFE_MS, LONGEST_AWAY_MS] = IS_LONG ? [3_000, 5_000] : [500, 500];
/** Of opener and agent, while brokers are away: docs/30-capture-agent.md. */
const MOST_MIB = 260;
/** The deadline of a send is a second less. */
const LONGEST_CALL_S = 15;

class OnOwnDisk extends BehindProxy {
  #folder = '';

  protected override async startKafka(options: KafkaOptions = {}) {
    this.#folder = await mkdtemp(join(tmpdir(), 'bpfleet-log-'));
    return super.startKafka({ ...options, dataFolder: this.#folder });
  }

  /** `log.dirs` of the broker. */
  get logFolder(): string {
    return join(this.#folder, 'data');
  }

  override async stop(): Promise<void> {
    await super.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

// F3, F4, F5, F6 and F11 of the failure suite.
suiteRequires(
  seeded('losses, a bad network between agent, broker and analytics, brokers that are away, and too many packets'),
  { hosts: await hostsHere(), postgres: await postgres() },
  ({ postgres: server }) => {
    const rig = new OnOwnDisk();
    beforeAll(() => rig.start(server.connection));
    afterAll(() => rig.stop());
    let runs = 0;
    let all = 0;
    const nextNumbers = () => runs++ * NUMBERS_APART;

    fiveLosses(rig, () => rig.logFolder, nextNumbers);

    /** Under traffic: what the network does, and then all that was sent is stored once. */
    async function under(
      what: string,
      network: () => Promise<string>,
      packetsPerSecond = PACKETS_PER_SECOND,
    ): Promise<void> {
      const from = nextNumbers();
      const sender = rig.senderTo(rig.hosts.host(1));
      sender.start(packetsPerSecond, from);
      await delay(BEFORE_MS);
      const done = await network();
      const sent = await sender.stop();
      all += sent;
      await rig.fleet.until('all packets to be acknowledged', async () => (await sentPackets()) >= all, CATCH_UP_MS);
      const found = missingAndTwice(sent, await rig.stored(sent, from), from);
      const longest = await longestCallsSeconds();
      printRow(
        `${what}: ${done}; ${sent} packets sent at ${sender.rate}/s, ${found.missing} missing, ${found.twice} twice; ` +
          `longest calls so far ${longest.agent.toFixed(2)} s by the agent, ${longest.analytics.toFixed(2)} s by analytics ` +
          `(bar ${LONGEST_CALL_S})`,
      );
      expectRate(sender.rate, packetsPerSecond);
      for (const seconds of Object.values(longest)) {
        expect(seconds).toBeGreaterThan(0);
        expect(seconds).toBeLessThanOrEqual(LONGEST_CALL_S);
      }
      expect(found).toEqual({ missing: 0, twice: 0 });
      const ledger = (await rig.status())!.ledger!;
      expect(ledger.agent).toMatchObject({ captured: all, sentPackets: all, evictedPackets: 0 });
    }

    async function metrics(): Promise<string> {
      const script = `fetch('http://127.0.0.1:7422/metrics').then((said) => said.text()).then(console.log)`;
      return (await rig.hosts.exec(rig.hosts.host(1), [process.execPath, '-e', script])).stdout;
    }

    /** What the agent counts of its connections to Kafka. */
    async function kafkaFigures(): Promise<Record<string, number>> {
      const lines = (await metrics()).matchAll(/^bpfleet_agent_kafka_(\w+)_total (\d+)$/gm);
      return Object.fromEntries([...lines].map(([, name, count]) => [name, Number(count)]));
    }

    /** Of each process, by its own figures: sends, and what analytics asked for, acknowledged or not. */
    async function longestCallsSeconds(): Promise<{ agent: number; analytics: number }> {
      const [, agent] = /^bpfleet_agent_sender_longest_send_seconds (\S+)$/m.exec(await metrics())!;
      return {
        agent: Number(agent),
        analytics: await rig.analyticsFigure('bpfleet_ingest_kafka_longest_call_seconds'),
      };
    }

    const sentPackets = async (): Promise<number> => (await rig.status())?.ledger?.agent.sentPackets ?? 0;
    const timeout = 120_000 + 3 * RESETS_MS;

    it('loses nothing while every connection is reset each 300 ms', { timeout }, () =>
      under('resets', async () => {
        const end = rig.proxy.resetEvery(300);
        await delay(RESETS_MS);
        const broken = end();
        expect(broken).toBeGreaterThan(RESETS_MS / 900);
        return `${broken} connections reset in ${RESETS_MS / 1000} s`;
      }),
    );

    it('loses nothing on connections that are half-open', { timeout }, () =>
      under('half-open', async () => {
        rig.proxy.freeze();
        await delay(HALF_OPEN_MS);
        const { spool } = (await rig.status())!;
        expect(spool!.sections).toBeGreaterThan(0);
        rig.proxy.thaw();
        return `${HALF_OPEN_MS / 1000} s, ${spool!.sections} sections waited`;
      }),
    );

    it(`loses nothing while Kafka is killed ${KILLS} times`, { timeout: timeout + KILLS * 20_000 }, () =>
      under('killed', async () => {
        const random = newRandom();
        let mostMib = 0;
        for (let kill = 0; kill < KILLS; kill++) {
          await delay(random.below(LONGEST_LIFE_MS));
          await rig.kafka.control.kill();
          await delay(random.below(LONGEST_AWAY_MS));
          await rig.kafka.control.restart();
          mostMib = Math.max(mostMib, anonymousMib(rig.openerPid) + anonymousMib(rig.agentPid));
        }
        expect(mostMib).toBeLessThan(MOST_MIB);
        return `kill -9 of Kafka ${KILLS} times, at most ${mostMib.toFixed(0)} MiB of memory (bar ${MOST_MIB})`;
      }),
    );

    /** One piece in twenty comes as late as after a retransmission (RFC 6298: 200 ms at the least here, doubled). */
    async function slow(ms: number, parts: number): Promise<string> {
      const random = newRandom();
      rig.proxy.delay(() => ((random.chance(5) ? 400 : 40) * (500 + random.below(1_000))) / 1_000);
      const start = await kafkaFigures();
      const takesBefore = await rig.takesOfPartitions();
      expect(takesBefore).not.toEqual([]);
      const acknowledged: number[] = [];
      for (let part = 0; part < parts; part++) {
        const before = await sentPackets();
        await delay(ms / parts);
        await rig.fleet.until('packets to be acknowledged meanwhile', async () => (await sentPackets()) > before);
        acknowledged.push((await sentPackets()) - before);
      }
      const end = await kafkaFigures();
      const takes = await rig.takesOfPartitions();
      rig.proxy.delay(() => 0);
      // Slow is not broken: whoever gives up here would never get anywhere.
      expect(end.clients_given_up).toBe(start.clients_given_up);
      // Each time the group shares anew, its members take all their partitions over again.
      const rebalances = Math.max(...takes.map((count, partition) => count - (takesBefore[partition] ?? 0)));
      expect(rebalances).toBeLessThanOrEqual(SLOW_LONG.mostRebalances);
      const meanwhile = Object.entries(end).map(([name, count]) => `${count - start[name]!} ${name}`);
      const progress = `${acknowledged.join(', ')} packets acknowledged, ${rebalances} rebalances`;
      return `${ms / 1000} s, ${progress} and ${meanwhile.join(', ')} meanwhile`;
    }
    it('goes on while the network is slow, and pieces come as late as after a loss', { timeout }, () =>
      under('slow', () => slow(SLOW_MS, PARTS)),
    );
    it('keeps its partitions while the network is slow for ten minutes', { timeout: 900_000 }, async ({ skip }) => {
      skip(!IS_LONG, 'only in the long form: npm run test:chaos');
      await under('slow for long', () => slow(SLOW_LONG.ms, SLOW_LONG.parts), SLOW_LONG.packetsPerSecond);
    });

    brokersAway(rig, nextNumbers);
    overload(rig, nextNumbers);
  },
);
