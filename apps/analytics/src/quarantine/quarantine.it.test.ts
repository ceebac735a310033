import { randomUUID } from 'node:crypto';
import { KafkaBus, type Producer } from '@bpfleet/bus';
import { packetsTopic, queryApi } from '@bpfleet/contract';
import { createDatabase, type TestDatabase } from '@bpfleet/test-environment';
import { kafka, postgres, suiteRequires } from '@bpfleet/test-environment/requirements';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RegistryServer } from '../testing/registry-server.js';
import { migratedDatabase, RunningAnalytics } from '../testing/running-analytics.js';
import { busRecord } from '../testing/sections.js';
import { SigningAgent } from '../testing/signing-agent.js';

const needs = { postgres: await postgres(), kafka: await kafka() };
const TIMEOUT_MS = 30_000;

suiteRequires('Quarantine over Kafka', needs, ({ postgres: { connection }, kafka: { brokers } }) => {
  const topicPrefix = `test-${randomUUID()}.`;
  let database: TestDatabase;
  let registry: RegistryServer;
  let producer: Producer;
  let analytics: RunningAnalytics;

  beforeAll(async () => {
    database = await createDatabase(connection, migratedDatabase);
    registry = await new RegistryServer().start();
    producer = new KafkaBus({ brokers, clientId: 'test' }).producer();
    await producer.start();
    const bus = new KafkaBus({ brokers, clientId: 'test', ownId: async () => 'test' });
    analytics = new RunningAnalytics(database.connection, bus, {
      ...{ requireSignatures: true, server: registry.url, topicPrefix, partitions: 2 },
    });
    await analytics.start();
  });
  afterAll(async () => {
    await analytics.stop();
    await producer.stop();
    await registry.stop();
    await database.drop();
  });

  const listed = async () => (await analytics.client.call(queryApi.listQuarantine, { query: {} })).items;
  const packets = async () => (await analytics.client.call(queryApi.listPackets, { query: {} })).packets;
  const retry = (id: string) => analytics.client.call(queryApi.retryQuarantined, { path: { id } });
  const eventually = { timeout: TIMEOUT_MS };

  it('stores a record that is published again once it is right, and takes one back that is not', async () => {
    const [late, stranger] = [new SigningAgent('host-late'), new SigningAgent('host-stranger')];
    const at = () => ({ epoch: 1, seq: 0, atNs: [BigInt(Date.now()) * 1_000_000n] });
    const section = late.section(at());
    await producer.send(packetsTopic(topicPrefix), [section, stranger.section(at())].map(busRecord), TIMEOUT_MS);
    await expect.poll(async () => (await listed()).map(({ agent }) => agent ?? '?'), eventually).toHaveLength(2);
    const before = await listed();
    expect(await packets()).toEqual([]);
    const idOf = (key: string) => before.find((record) => record.key === key)!.id;

    const detail = await analytics.client.call(queryApi.getQuarantined, { path: { id: idOf('host-late') } });
    expect(detail).toMatchObject({ reason: 'unknown-key', headers: { agent: 'host-late', seq: '0' } });
    expect(detail.hex).toBe(Buffer.from(section.value).toString('hex'));

    registry.set([late.inRegistry()]);
    for (const { id } of before) await retry(id);
    await expect.poll(async () => (await packets()).map(({ id }) => id), eventually).toEqual(['host-late.1.0.0']);
    await expect.poll(async () => (await listed()).map(({ key }) => key), eventually).toEqual(['host-stranger']);
    const [again] = await listed();
    expect(again!.id).not.toBe(idOf('host-stranger'));
    expect(BigInt(again!.offset)).toBeGreaterThan(BigInt(before.find(({ key }) => key === 'host-stranger')!.offset));
    await expect(retry(idOf('host-late'))).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});
