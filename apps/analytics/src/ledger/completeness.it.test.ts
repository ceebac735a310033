import { randomUUID } from 'node:crypto';
import { type BusRecord, KafkaBus, type Producer } from '@bpfleet/bus';
import { packetsTopic, queryApi } from '@bpfleet/contract';
import { createDatabase, type TestDatabase } from '@bpfleet/test-environment';
import { kafka, postgres, suiteRequires } from '@bpfleet/test-environment/requirements';
import { type Admin, Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { migratedDatabase, RunningAnalytics } from '../testing/running-analytics.js';
import { busRecord, makeSection, type SectionShape } from '../testing/sections.js';

const needs = { postgres: await postgres(), kafka: await kafka() };
const TIMEOUT_MS = 30_000;
const PACKETS = 10;
const eventually = { timeout: TIMEOUT_MS };

suiteRequires('Completeness, over Kafka', needs, ({ postgres: { connection }, kafka: { brokers } }) => {
  const topicPrefix = `test-${randomUUID()}.`;
  const topic = packetsTopic(topicPrefix);
  const startNs = BigInt(Date.now() - 600_000) * 1_000_000n;
  let database: TestDatabase;
  let producer: Producer;
  let admin: Admin;
  let analytics: RunningAnalytics;

  const start = () => {
    const bus = new KafkaBus({ brokers, clientId: 'test', ownId: async () => 'test' });
    return new RunningAnalytics(database.connection, bus, { topicPrefix, partitions: 1 }).start();
  };
  beforeAll(async () => {
    database = await createDatabase(connection, migratedDatabase);
    producer = new KafkaBus({ brokers, clientId: 'test' }).producer();
    await producer.start();
    admin = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    analytics = await start();
  });
  afterAll(async () => {
    await analytics.stop();
    await admin.disconnect();
    await producer.stop();
    await database.drop();
  });

  /** Ten packets of the second `seq`, as an agent closes them that counts `seq + 1` such sections. */
  function section(agent: string, seq: number, given: Partial<SectionShape> = {}): BusRecord {
    const taken = String((seq + 1) * PACKETS);
    const atNs = Array.from({ length: PACKETS }, (_, n) => startNs + BigInt(seq * 1000 + n) * 1_000_000n);
    const { ledger, ...rest } = given;
    const counters = { captured: taken, kept: taken, ...ledger };
    return busRecord(makeSection({ agent, epoch: 1, seq, filter: 'web@3', atNs, ...rest, ledger: counters }));
  }
  /** A section without packets, as an agent closes it that stops. */
  function figures(agent: string, seq: number, ledger: Readonly<Record<string, string>>): BusRecord {
    const made = makeSection({ agent, epoch: 1, seq, filter: 'web@3', atNs: [], ledger });
    const atNs = startNs + BigInt(seq) * 1_000_000_000n;
    return busRecord({ ...made, header: { ...made.header, tsMinNs: atNs, tsMaxNs: atNs } });
  }
  const send = (...records: BusRecord[]) => producer.send(topic, records, TIMEOUT_MS);
  const answer = (agent?: string) =>
    analytics.client.call(queryApi.listPackets, {
      query: { since: '-1h', limit: 1000, ...(agent === undefined ? {} : { agent }) },
    });
  const storedOf = (agent: string) => expect.poll(async () => (await answer(agent)).packets.length, eventually);
  const nothing = {
    ...{ droppedByKernel: 0, lostByAgents: 0, leftOutByAgents: 0, sectionsMissing: 0, packetsMissing: 0 },
    ...{ recordsQuarantined: 0, recordsLost: 0 },
  };

  it('of a kernel’s rings: what they dropped', async () => {
    await send(
      section('ring', 0, { kernelDropped: 3 }),
      section('ring', 1, { kernelDropped: 3 }),
      section('ring', 2, { kernelDropped: 11 }),
    );
    await storedOf('ring').toBe(3 * PACKETS);
    expect((await answer('ring')).completeness).toMatchObject({ ...nothing, droppedByKernel: 11 });
  });

  it('of an agent that was killed: what its open section held, and what its rings dropped at the end', async () => {
    const before = { 'before-epoch': '1', 'before-captured': '27', 'before-lost': '7', 'before-dropped': '4' };
    const ledger = { ...before, 'before-alive-ms': String(startNs / 1_000_000n + 1500n) };
    await send(
      section('killed', 0),
      section('killed', 1),
      section('killed', 0, { epoch: 2, ledger }),
      section('killed', 1, { epoch: 2, ledger }),
    );
    await storedOf('killed').toBe(4 * PACKETS);
    expect((await answer('killed')).completeness).toMatchObject({ ...nothing, lostByAgents: 7, droppedByKernel: 4 });
  });

  it('of an agent whose filters sampled out what came last: how many, before and after it is started again', async () => {
    const before = { 'before-epoch': '1', 'before-captured': '609', 'before-kept': '10', 'before-lost': '0' };
    await send(
      section('sampling', 0),
      figures('sampling', 1, { captured: '600', kept: '10' }),
      section('sampling', 0, { epoch: 2, ledger: before }),
    );
    await storedOf('sampling').toBe(2 * PACKETS);
    expect((await answer('sampling')).completeness).toMatchObject({ ...nothing, leftOutByAgents: 599 });
    const { agents } = await analytics.client.call(queryApi.getLedger, { query: {} });
    expect(agents.find(({ agent }) => agent === 'sampling')).toMatchObject({
      ...{
        captured: 609 + PACKETS,
        leftOut: 599,
        packetsStored: 2 * PACKETS,
        sectionsStored: 3,
        packetsMissing: 0,
        lostWithProcess: 0,
      },
    });
  });

  it('of a spool that gave sections up: how many, and their packets', async () => {
    await send(section('spool', 0), section('spool', 4), section('spool', 5));
    await storedOf('spool').toBe(3 * PACKETS);
    const missing = { sectionsMissing: 3, packetsMissing: 3 * PACKETS };
    expect((await answer('spool')).completeness).toMatchObject({ ...nothing, ...missing });
    const { agents } = await analytics.client.call(queryApi.getLedger, { query: {} });
    expect(agents.find(({ agent }) => agent === 'spool')).toMatchObject({
      ...{ captured: 6 * PACKETS, packetsStored: 3 * PACKETS, ...missing },
      missing: [{ epoch: 1, first: 1, last: 3 }],
    });
  });

  it('of records in quarantine: how many', async () => {
    const damaged = section('poison', 1);
    const value = Uint8Array.from(damaged.value);
    value[value.length - 1]! ^= 1;
    await send(section('poison', 0), { ...damaged, value }, section('poison', 2));
    await storedOf('poison').toBe(2 * PACKETS);
    const missing = { sectionsMissing: 1, packetsMissing: PACKETS };
    expect((await answer('poison')).completeness).toMatchObject({ ...nothing, ...missing, recordsQuarantined: 1 });
  });

  it('of a log that gave records up before they were read: how many', async () => {
    await analytics.stop();
    await send(...[0, 1, 2, 3].map((seq) => section('late', seq)));
    const [offsets] = await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: offsets!.high }] });
    await send(section('late', 4));
    analytics = await start();
    await storedOf('late').toBe(PACKETS);
    const missing = { sectionsMissing: 4, packetsMissing: 4 * PACKETS };
    expect((await answer('late')).completeness).toMatchObject({ ...nothing, ...missing, recordsLost: 4 });
  });

  it('and all of them together, of all agents', async () => {
    const { completeness } = await answer();
    expect(completeness).toMatchObject({
      ...{
        droppedByKernel: 11 + 4,
        lostByAgents: 7,
        leftOutByAgents: 599,
        sectionsMissing: 3 + 1 + 4,
        packetsMissing: 8 * PACKETS,
      },
      ...{ recordsQuarantined: 1, recordsLost: 4 },
    });
  });
});
