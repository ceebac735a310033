import { type Admin, Kafka, logLevel } from 'kafkajs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { commands } from '../../e2e/requirements.js';
import { kafka, postgres, suiteRequires } from '../../environment/src/requirements.js';
import { endsOf, positionsOf } from '../rig/log-ends.js';
import { AnalyticsRig, until } from './analytics-rig.js';
import { compareStored } from './stored-sections.js';
import { untilRead } from './until-read.js';

const TIMEOUT_MS = 120_000;
const PARTITIONS = 2;
const PACKETS_EACH = 20;
const needs = { kafka: await kafka(), postgres: await postgres(), tools: commands('setpriv') };

suiteRequires('a topic that was deleted and made anew', needs, ({ kafka: { brokers }, postgres: { connection } }) => {
  let rig: AnalyticsRig;
  let admin: Admin;
  beforeEach(async () => {
    rig = new AnalyticsRig({ brokers, postgres: connection, partitions: PARTITIONS });
    admin = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING }).admin();
    await Promise.all([rig.start(), admin.connect()]);
  });
  afterEach(async () => {
    await admin?.disconnect();
    await rig?.stop();
  });

  const isRead = () => untilRead(rig.pool, admin, rig.topic);
  /** Another log under the same name, with nothing of the one before. */
  async function replace(): Promise<void> {
    await admin.deleteTopics({ topics: [rig.topic] });
    await until('the topic to be gone', async () => !(await admin.listTopics()).includes(rig.topic));
    await rig.bus.ensureTopic(rig.topic, PARTITIONS);
  }
  const losses = async () => {
    const columns = 'partition, first_offset, end_offset, reason';
    return (await rig.pool.query(`SELECT ${columns} FROM analytics.loss ORDER BY partition`)).rows;
  };

  it('is read from its beginning, also where it is longer than what was read', { timeout: TIMEOUT_MS }, async () => {
    const before = await rig.startReplica();
    await rig.send(12, PACKETS_EACH);
    await isRead();
    await before.process.end('SIGTERM');
    const positions = await positionsOf(rig.pool);
    expect([...positions.values()]).not.toContain('0');

    await replace();
    await rig.send(36, PACKETS_EACH);
    for (const [partition, end] of await endsOf(admin, rig.topic)) {
      expect(Number(end)).toBeGreaterThan(Number(positions.get(partition)));
    }
    await rig.startReplica();
    await isRead();

    // All of both logs, once; how far the old one went on behind the position nobody knows, so the row's range is empty.
    expect(await compareStored(rig.pool, rig.traffic.sections)).toEqual({ lost: 0, duplicate: 0, unaccounted: 0 });
    const marks = [...positions].map(([partition, next]) => ({ partition, first_offset: next, end_offset: next }));
    const inOrder = marks.toSorted((a, b) => a.partition - b.partition);
    expect(await losses()).toEqual(inOrder.map((mark) => ({ ...mark, reason: 'log-replaced' })));
  });
});
