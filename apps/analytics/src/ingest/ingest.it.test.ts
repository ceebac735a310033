import { randomUUID } from 'node:crypto';
import { type Bus, InProcessBus, KafkaBus, type Producer } from '@bpfleet/bus';
import { packetsTopic, queryApi } from '@bpfleet/contract';
import { createPool } from '@bpfleet/store';
import { createDatabase, type TestDatabase } from '@bpfleet/test-environment';
import { kafka, postgres, suiteRequires } from '@bpfleet/test-environment/requirements';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AnalyticsConfig, QUERY_CONNECTIONS } from '../config.js';
import { RegistryServer } from '../testing/registry-server.js';
import { migratedDatabase, RunningAnalytics } from '../testing/running-analytics.js';
import { busRecord, makeSection, type SectionShape } from '../testing/sections.js';
import { SigningAgent } from '../testing/signing-agent.js';

const SEND_TIMEOUT_MS = 30_000;
const BREAK_CONNECTIONS = `
  SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`;
const nowNs = () => BigInt(Date.now()) * 1_000_000n;

/** Where records go in and come out again. */
interface TestBus {
  readonly bus: Bus;
  readonly topicPrefix: string;
  /** The same log for the next process: over Kafka another client, in process the same object. */
  again(): Bus;
}

function describeIngest(makeBus: () => TestBus, connectionOf: () => Promise<TestDatabase>): void {
  let database: TestDatabase;
  let log: TestBus;
  let producer: Producer;
  let running: RunningAnalytics[];
  let seq: number;

  beforeEach(async () => {
    database = await connectionOf();
    log = makeBus();
    seq = 0;
    running = [];
    producer = log.bus.producer();
    await producer.start();
  });
  afterEach(async () => {
    await Promise.all(running.map((one) => one.stop()));
    await producer.stop();
    await database.drop();
  });

  async function start(rest: Partial<AnalyticsConfig> = {}): Promise<RunningAnalytics> {
    const config = { topicPrefix: log.topicPrefix, partitions: 3, ...rest };
    const one = new RunningAnalytics(database.connection, log.again(), config);
    running.push(one);
    return one.start();
  }
  const section = (rest: Partial<SectionShape> = {}) => {
    const number = seq++;
    const atNs = [nowNs() - 1000n, nowNs()];
    return makeSection({ agent: 'host-1', epoch: 1, seq: number, filter: 'web@3', atNs, ...rest });
  };
  type Sections = readonly ReturnType<typeof section>[];
  const send = (sections: Sections) =>
    producer.send(packetsTopic(log.topicPrefix), sections.map(busRecord), SEND_TIMEOUT_MS);
  const ids = async (analytics: RunningAnalytics) => {
    const { packets } = await analytics.client.call(queryApi.listPackets, { query: { limit: 10_000 } });
    return packets.map(({ id }) => id).toSorted();
  };
  const idsOf = (sections: Sections) =>
    sections
      .flatMap(({ header, packets }) =>
        packets.map((_, index) => `${header.agent}.${header.epoch}.${header.seq}.${index}`),
      )
      .toSorted();
  const flows = async ({ pool }: RunningAnalytics) => {
    const sql = 'SELECT agent, sum(packets)::int AS packets FROM analytics.flow GROUP BY agent ORDER BY agent';
    return (await pool.query(sql)).rows;
  };
  const isStored = (analytics: RunningAnalytics, sections: Sections) =>
    expect.poll(() => ids(analytics), { timeout: 30_000 }).toEqual(idsOf(sections));

  describe('signatures', () => {
    let registry: RegistryServer;
    let agent: SigningAgent;
    beforeEach(async () => {
      registry = await new RegistryServer().start();
      agent = new SigningAgent('host-1');
    });
    afterEach(() => registry.stop());

    const startStrict = () => start({ requireSignatures: true, server: registry.url });
    const signed = (from: SigningAgent, epoch: number, number: number, atNs = nowNs()) =>
      from.section({ epoch, seq: number, atNs: [atNs] });
    const quarantined = async ({ pool }: RunningAnalytics) => {
      const { rows } = await pool.query('SELECT reason, headers->>$1 AS seq FROM analytics.quarantine ORDER BY 1, 2', [
        'seq',
      ]);
      return rows.map(({ reason, seq }) => `${reason} ${seq}`);
    };
    const conflicts = async ({ client }: RunningAnalytics) => {
      const { items } = await client.call(queryApi.listIdentityConflicts, { query: {} });
      return items.map(({ agent, epoch, kind, sections }) => `${agent} ${epoch} ${kind} ${sections}`).toSorted();
    };

    it('are needed: what nobody known has signed is kept aside, and what follows is stored', async () => {
      registry.set([agent.inRegistry(), new SigningAgent('host-9').inRegistry('2026-11-22T10:00:00Z')]);
      const analytics = await startStrict();
      const [good, other] = [signed(agent, 1, 0), signed(agent, 1, 9)];
      const bad = [
        { ...section({ seq: 1 }) },
        signed(new SigningAgent('host-1'), 1, 2),
        { ...other, header: { ...other.header, seq: 3 } },
      ];
      const last = signed(agent, 1, 1);
      await send([good, ...bad, last]);
      await isStored(analytics, [good, last]);
      expect(await quarantined(analytics)).toEqual(['bad-signature 1', 'bad-signature 3', 'unknown-key 2']);
      expect(await analytics.metric('bpfleet_ingest_quarantined_total')).toBe(3);
      // What was forged has taken no number from the agent's own sections.
      const rightful = [signed(agent, 1, 2), signed(agent, 1, 3)];
      await send(rightful);
      await isStored(analytics, [good, last, ...rightful]);
    });
    it('of an agent that has enrolled a moment ago are known in time', async () => {
      const analytics = await startStrict();
      const first = signed(new SigningAgent('host-2'), 1, 0);
      await send([first]);
      await expect.poll(() => quarantined(analytics)).toEqual(['unknown-key 0']);
      registry.set([agent.inRegistry()], false);
      const own = signed(agent, 1, 0);
      await send([own]);
      await isStored(analytics, [own]);
    });
    it('are verified while the filter-manager is away, also after a restart, until a key is revoked', async () => {
      registry.set([agent.inRegistry()]);
      const before = await startStrict();
      const first = signed(agent, 1, 0);
      await send([first]);
      await isStored(before, [first]);
      await before.stop();
      await registry.stop();
      const analytics = await startStrict();
      const second = signed(agent, 2, 0);
      await send([second]);
      await isStored(analytics, [first, second]);
      registry.set([agent.inRegistry('2026-11-22T10:00:00Z')]);
      await registry.start();
      await expect
        .poll(
          async () =>
            (await analytics.pool.query('SELECT document::text AS text FROM analytics.registry')).rows[0].text,
        )
        .toContain('revokedAt');
      await send([signed(agent, 2, 1)]);
      await expect.poll(() => quarantined(analytics)).toEqual(['revoked-key 1']);
    });
    it('of two agents with one state folder show it, and nothing is dropped', async () => {
      registry.set([agent.inRegistry()]);
      const analytics = await startStrict();
      const copy = agent.copy();
      const first = [signed(agent, 1, 0), signed(agent, 1, 1)];
      await send(first);
      await isStored(analytics, first);
      // One epoch: the second key is kept aside. Two epochs: both are stored, and the agent is flagged.
      await send([signed(copy, 1, 1), signed(copy, 1, 2)]);
      await expect.poll(() => quarantined(analytics)).toEqual(['identity-conflict 1', 'identity-conflict 2']);
      const newer = signed(copy, 2, 0);
      await send([newer]);
      const beside = signed(agent, 1, 2, nowNs() + 2_000_000_000n);
      await send([beside]);
      await isStored(analytics, [...first, newer, beside]);
      const forged = agent.section({ epoch: 1, seq: 2, atNs: [nowNs(), nowNs()] });
      await send([forged]);
      await expect
        .poll(() => conflicts(analytics))
        .toEqual(['host-1 1 other-bytes 1', 'host-1 1 other-key 2', 'host-1 1 overlap 1']);
      expect(await analytics.metric('bpfleet_ingest_overlaps_total')).toBe(1);
    });
  });

  it('stores what agents send', async () => {
    const analytics = await start();
    const sections = [section(), section({ agent: 'host-2' }), section({ agent: 'host-3' })];
    await send(sections);
    await isStored(analytics, sections);
    expect(await analytics.metric('bpfleet_ingest_packets_total')).toBe(6);
    const { client } = analytics;
    const top = async () => (await client.call(queryApi.getTop, { query: { by: 'agent' } })).entries;
    const each = ['host-1', 'host-2', 'host-3'].map((agent) => ({ agent, packets: 2 }));
    // At once, from the sections, and when their flows are made.
    const entries = each.map(({ agent, packets }) => expect.objectContaining({ key: agent, packets }));
    expect(await top()).toEqual(entries);
    await expect.poll(() => flows(analytics), { timeout: 30_000 }).toEqual(each);
    expect(await top()).toEqual(entries);
    const { flows: listed, range } = await client.call(queryApi.listFlows, { query: { filter: 'tcp', limit: 2 } });
    expect([listed.length, range.since.slice(16)]).toEqual([2, ':00.000Z']);
    const { points } = await client.call(queryApi.getTimeline, { query: { step: '1h', filter: 'tcp and not udp' } });
    expect(points.reduce((sum, { packets }) => sum + packets, 0)).toBe(6);
    const refused = client.call(queryApi.getTop, { query: { filter: 'tcp and less 99' } });
    await expect(refused).rejects.toMatchObject({ code: 'FILTER_UNSUPPORTED', span: { start: 8, end: 15 } });
    await expect(client.call(queryApi.listFlows, { query: { cursor: 'x' } })).rejects.toMatchObject({
      code: 'REQUEST_INVALID',
    });
  });

  it('stores a section once, however often it is sent', async () => {
    const analytics = await start();
    const sections = [section(), section()];
    await send(sections);
    await send(sections);
    await send([...sections, sections[1]!]);
    const later = section();
    await send([later]);
    await isStored(analytics, [...sections, later]);
    expect(await analytics.metric('bpfleet_ingest_duplicates_total')).toBe(5);
    // What stopped had flows to store; what goes on stores those that are due.
    await analytics.stop();
    const next = await start();
    await expect.poll(() => flows(next), { timeout: 30_000 }).toEqual([{ agent: 'host-1', packets: 6 }]);
  });

  it('puts poison into quarantine and goes on behind it', async () => {
    const analytics = await start();
    const [good, broken, forged, last] = [section(), section(), section(), section()];
    const crc = { ...broken, header: { ...broken.header, crc32: 1 } };
    await send([good, crc, { ...forged, header: { ...forged.header, packets: 9 } }, last]);
    // The identity of a stored section with other bytes is not a duplicate.
    await send([section({ seq: last.header.seq, atNs: [nowNs()] })]);
    const end = section();
    await send([end]);
    await isStored(analytics, [good, last, end]);
    const { rows } = await analytics.pool.query('SELECT reason, key FROM analytics.quarantine ORDER BY reason');
    expect(rows).toEqual(
      ['crc-mismatch', 'identity-conflict', 'packet-count'].map((reason) => ({ reason, key: 'host-1' })),
    );
    const { completeness } = await analytics.client.call(queryApi.listPackets, { query: {} });
    expect(completeness.recordsQuarantined).toBe(3);
  });

  it('goes on where the process before it ended', async () => {
    const first = await start();
    const sections = [section(), section()];
    await send(sections);
    await isStored(first, sections);
    await first.stop();
    const second = await start();
    const more = [section(), section()];
    await send(more);
    await isStored(second, [...sections, ...more]);
    expect(await second.metric('bpfleet_ingest_duplicates_total')).toBe(0);
  });

  it('stores what comes while questions have all the connections that they may', async () => {
    const analytics = await start();
    const held = await Promise.all(Array.from({ length: QUERY_CONNECTIONS }, () => analytics.queryPool.connect()));
    expect(analytics.queryPool.totalCount).toBe(analytics.queryPool.options.max);
    await send([section(), section()]);
    await expect.poll(() => analytics.metric('bpfleet_ingest_sections_total'), { timeout: 30_000 }).toBe(2);
    for (const client of held) client.release();
  });

  it('stores each section once while its connections to Postgres break', async () => {
    const analytics = await start();
    const sections = Array.from({ length: 15 }, (_, index) => section({ agent: `host-${index % 5}` }));
    const admin = createPool({ connection: database.connection, name: 'admin', maxConnections: 1, onError: () => {} });
    let breaks = 0;
    // Each time at another point of the transaction.
    for (const one of sections) {
      const sending = send([one]);
      breaks += (await admin.query(BREAK_CONNECTIONS)).rowCount!;
      await sending;
    }
    await admin.end();
    await isStored(analytics, sections);
    expect(breaks).toBeGreaterThan(0);
    const { rows } = await analytics.pool.query('SELECT count(*) AS n, sum(packets) AS p FROM analytics.section');
    expect(rows).toEqual([{ n: '15', p: '30' }]);
  });

  it('lets two processes share the partitions', async () => {
    const [one, other] = [await start(), await start()];
    const sections = Array.from({ length: 30 }, (_, index) => section({ agent: `host-${index % 10}` }));
    await send(sections);
    await isStored(one, sections);
    await other.stop();
    const more = Array.from({ length: 10 }, (_, index) => section({ agent: `host-${index}` }));
    await send(more);
    await isStored(one, [...sections, ...more]);
  });

  it('shares no partitions with another fleet on the same brokers', async () => {
    const theirs = await connectionOf();
    const topicPrefix = `${log.topicPrefix}other.`;
    const others = [0, 1].map(
      () => new RunningAnalytics(theirs.connection, log.again(), { topicPrefix, partitions: 3 }),
    );
    running.push(...others);
    const [ours] = await Promise.all([start(), ...others.map((one) => one.start())]);
    const sections = Array.from({ length: 12 }, (_, index) => section({ agent: `host-${index}` }));
    await Promise.all(
      [log.topicPrefix, topicPrefix].map((prefix) =>
        producer.send(packetsTopic(prefix), sections.map(busRecord), SEND_TIMEOUT_MS),
      ),
    );
    await Promise.all([isStored(ours, sections), isStored(others[0]!, sections)]);
    await Promise.all(others.map((one) => one.stop()));
    await theirs.drop();
  });
}

suiteRequires('ingest from the in-process bus', { postgres: await postgres() }, ({ postgres: { connection } }) => {
  describeIngest(
    () => {
      const bus = new InProcessBus();
      return { bus, topicPrefix: '', again: () => bus };
    },
    () => createDatabase(connection, migratedDatabase),
  );
});

const needs = { postgres: await postgres(), kafka: await kafka() };
suiteRequires('ingest from Kafka', needs, ({ postgres: { connection }, kafka: { brokers } }) => {
  describeIngest(
    () => {
      const topicPrefix = `test-${randomUUID()}.`;
      const clientId = 'test';
      const again = () => new KafkaBus({ brokers, clientId, ownId: async () => 'test' });
      return { bus: new KafkaBus({ brokers, clientId }), topicPrefix, again };
    },
    () => createDatabase(connection, migratedDatabase),
  );
});
