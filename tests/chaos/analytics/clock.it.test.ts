import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { BusRecord } from '@bpfleet/bus';
import { queryApi } from '@bpfleet/contract';
import { type Admin, Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { commands } from '../../e2e/requirements.js';
import { kafka, postgres, suiteRequires } from '../../environment/src/requirements.js';
import { FakeClock, fakeTime } from '../rig/fake-clock.js';
import { printRow } from '../rig/row.js';
import { AnalyticsRig, type Replica, until } from './analytics-rig.js';
import { KnownTraffic } from './known-traffic.js';
import { untilRead } from './until-read.js';

/** Each step so often in the long form, `BPFLEET_TEST_ROUNDS=20`. */
const ROUNDS = Math.ceil(Number(process.env.BPFLEET_TEST_ROUNDS ?? 1) / 4);
/** Longer than a session of the group lasts without a heartbeat. */
const STAY_MS = ROUNDS < 5 ? 0 : 8_000;
const STEPS = ['+3600', '-3600', '@1970-01-01 00:01:00', '+0'];
const PACKETS_EACH = 10;
const HOUR_MS = 3_600_000;
/** Places of agents among the traffic's. */
const [IN_1970, WITH_OLD_SPOOL, FIRST_LIVE] = [0, 1, 2];
const AGENTS = 6;
const needs = {
  ...{ kafka: await kafka(), postgres: await postgres() },
  ...{ tools: commands('setpriv'), faketime: fakeTime() },
};

// F12 of the failure suite, the side of analytics.
suiteRequires('clocks that step', needs, ({ kafka: { brokers }, postgres: { connection }, faketime }) => {
  const clock = new FakeClock(faketime.path, '+0');
  let rig: AnalyticsRig;
  let admin: Admin;
  let replicas: Replica[];
  /** When analytics' clock was set first: packets of 1970 are of so long after its begin. */
  const startedAtMs = Date.now();

  beforeAll(async () => {
    rig = await new AnalyticsRig({ brokers, postgres: connection, agents: AGENTS, env: clock.env }).start();
    admin = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    replicas = await Promise.all([rig.startReplica(), rig.startReplica()]);
    await until('both to share the partitions', async () => {
      const takes = (await rig.commits.read()).filter(({ isTaken }) => isTaken);
      const owners = new Map(takes.map(({ partition, replica }) => [partition, replica]));
      return new Set(owners.values()).size === replicas.length;
    });
  });
  afterAll(async () => {
    await admin?.disconnect();
    await rig?.stop();
    clock.remove();
  });

  /** Of all hosts, each by its own clock. @param behindMs how far that of a spool is */
  function sections(behindMs: number): BusRecord[] {
    const nowMs = Date.now();
    const live = Array.from({ length: AGENTS - FIRST_LIVE }, (_, index) =>
      rig.traffic.section(FIRST_LIVE + index, PACKETS_EACH, nowMs),
    );
    return [
      rig.traffic.section(IN_1970, PACKETS_EACH, nowMs - startedAtMs),
      rig.traffic.section(WITH_OLD_SPOOL, PACKETS_EACH, nowMs - behindMs),
      ...live,
    ];
  }

  /** Agents of which a later section is stored at an earlier offset. */
  async function outOfOrder(): Promise<string[]> {
    const { rows } = await rig.pool.query<{ agent: string }>(
      `SELECT DISTINCT agent FROM (
         SELECT agent, log_offset < lag(log_offset) OVER (PARTITION BY agent ORDER BY epoch, seq) AS is_before
         FROM analytics.section) AS sections WHERE is_before`,
    );
    return rows.map(({ agent }) => agent);
  }

  it('store every packet, of hosts in 1970 and of a spool of 6 h ago, too, in the order of its agent', {
    timeout: 60_000 * (ROUNDS + 1),
  }, async () => {
    for (const { process } of replicas) {
      expect(readFileSync(`/proc/${process.process.pid}/maps`, 'utf8')).toContain(faketime.path);
    }
    const takenBefore = async () => (await rig.commits.read()).filter(({ isTaken }) => isTaken).length;
    await rig.publish(sections(6 * HOUR_MS));
    await untilRead(rig.pool, admin, rig.topic);
    const taken = await takenBefore();
    for (let round = 0; round < ROUNDS; round++) {
      for (const step of STEPS) {
        clock.set(step);
        await rig.publish(sections(6 * HOUR_MS));
        await delay(STAY_MS);
        // The spool is empty: what the host captures now follows.
        await rig.publish(sections(0));
        await untilRead(rig.pool, admin, rig.topic);
      }
    }
    const found = await rig.found();
    const suspects = await rig.pool.query(
      'SELECT DISTINCT agent FROM analytics.section WHERE clock_suspect AND ts_max < 1e18',
    );
    printRow(
      `${STEPS.length * ROUNDS} steps of analytics' clock, ${rig.traffic.packets} packets: ${JSON.stringify(found)}; ` +
        `partitions taken anew ${(await takenBefore()) - taken}`,
    );
    expect(found).toEqual({ lost: 0, duplicate: 0, unaccounted: 0 });
    expect(await outOfOrder()).toEqual([]);
    expect(suspects.rows).toEqual([{ agent: rig.traffic.names[IN_1970] }]);
    expect(replicas.map(({ process }) => process.hasExited)).toEqual([false, false]);
    // Nobody was thought to be gone.
    expect(await takenBefore()).toBe(taken);
  });

  it('are no hindrance to who asks for them', async () => {
    const { client } = replicas[0]!;
    const packetsOf = async (agent: number, since: string) => {
      const query = { agent: rig.traffic.names[agent]!, since, limit: 10_000 };
      return (await client.call(queryApi.listPackets, { query })).packets;
    };
    const sent = [...rig.traffic.sections.values()].filter(({ agent }) => agent === rig.traffic.names[IN_1970]);
    for (const [agent, since] of [
      [IN_1970, '1970-01-01T00:00:00Z'],
      [WITH_OLD_SPOOL, '-7h'],
      [FIRST_LIVE, '-1h'],
    ] as const) {
      expect(await packetsOf(agent, since)).toHaveLength(sent.length * PACKETS_EACH);
    }
    expect((await packetsOf(WITH_OLD_SPOOL, '-1h')).length).toBeLessThan(sent.length * PACKETS_EACH);
  });

  if (STAY_MS > 0) {
    it('do not make waiting for a filter-manager longer', { timeout: 120_000 }, async () => {
      await rig.publish(sections(0));
      await untilRead(rig.pool, admin, rig.topic);
      await rig.registry.stop();
      const stranger = new KnownTraffic(['stranger']).section(0, PACKETS_EACH);
      await rig.publish([stranger]);
      // It is waited for by now, for ten seconds.
      await delay(2_000);
      clock.set('-3600');
      await rig.publish(sections(0));
      await untilRead(rig.pool, admin, rig.topic);
      const { rows } = await rig.pool.query('SELECT reason, key FROM analytics.quarantine');
      expect(rows).toEqual([{ reason: 'unknown-key', key: 'stranger' }]);
      clock.set('+0');
      await rig.registry.start();
    });
  }

  it('do not keep the flows of any packet back', async () => {
    await Promise.all(replicas.map(({ process }) => process.end()));
    const { rows } = await rig.pool.query('SELECT sum(packets)::int AS packets FROM analytics.flow_minute');
    expect(rows).toEqual([{ packets: rig.traffic.packets }]);
  });
});
