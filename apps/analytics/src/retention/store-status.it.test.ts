import { InProcessBus } from '@bpfleet/bus';
import { packetsTopic, queryApi } from '@bpfleet/contract';
import { createDatabase, type TestDatabase } from '@bpfleet/test-environment';
import { postgres, suiteRequires } from '@bpfleet/test-environment/requirements';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { migratedDatabase, RunningAnalytics } from '../testing/running-analytics.js';
import { busRecord, makeSection } from '../testing/sections.js';

suiteRequires('GET /api/v1/store', { postgres: await postgres() }, ({ postgres: server }) => {
  let database: TestDatabase;
  let bus: InProcessBus;
  let analytics: RunningAnalytics;

  beforeEach(async () => {
    database = await createDatabase(server.connection, migratedDatabase);
    bus = new InProcessBus();
    analytics = await new RunningAnalytics(database.connection, bus, { keepSectionHours: 5 }).start();
  });
  afterEach(async () => {
    await analytics.stop();
    await database.drop();
  });

  const status = () => analytics.client.call(queryApi.getStoreStatus, {});

  it('tells what is stored, how long it is kept, and how far each partition was read', async () => {
    const producer = bus.producer();
    await producer.start();
    const atNs = [BigInt(Date.now()) * 1_000_000n];
    const sections = [0, 1, 3].map((seq) => makeSection({ agent: 'host-1', epoch: 1, seq, filter: 'web@3', atNs }));
    await producer.send(packetsTopic(''), sections.map(busRecord), 30_000);
    await producer.stop();
    await expect.poll(async () => (await status()).dedupe).toEqual({ epochs: 1, ranges: 2 });

    const { classes, positions, quarantined } = await status();
    const stored = classes.find((one) => one.class === 'section')!;
    expect(stored).toMatchObject({ keepHours: 5, keepBytes: 50 * 1024 ** 3 });
    expect(stored.partitionsAhead).toBeGreaterThanOrEqual(2);
    expect(stored.newest).toBe(stored.oldest);
    expect(stored.bytes).toBeGreaterThan(sections.reduce((sum, one) => sum + busRecord(one).value.byteLength, 0));
    expect(classes.find((one) => one.class === 'loss')).toMatchObject({ rows: 0, keepHours: 8760 });
    expect(positions.reduce((sum, { next }) => sum + next, 0)).toBe(3);
    expect(quarantined).toBe(0);
  });
});
