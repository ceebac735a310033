import { queryApi } from '@bpfleet/contract';
import { type Admin, CompressionTypes, ConfigResourceTypes, Kafka, logLevel, type Producer } from 'kafkajs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { commands } from '../../e2e/requirements.js';
import { kafka, postgres, suiteRequires } from '../../environment/src/requirements.js';
import { printRow } from '../rig/row.js';
import { newRandom, seeded } from '../rig/seed.js';
import { AnalyticsRig, type Replica, until } from './analytics-rig.js';
import type { SentSection } from './known-traffic.js';
import { idOf, Poisoners, poisonKinds, type RawRecord } from './poison.js';

/** Each kind so often, among so many that are right: 20 and 1,000 in the long form. */
const ROUNDS = Number(process.env.BPFLEET_TEST_ROUNDS ?? 1);
const GOOD_PER_POISON = ROUNDS < 20 ? 250 : 1_000;
const SEND_AT_ONCE = 125;
const PACKETS_EACH = 2;
const kinds = Object.keys(poisonKinds);
const needs = { kafka: await kafka(), postgres: await postgres(), tools: commands('setpriv') };

// F10 of the failure suite.
suiteRequires(seeded('poison among the records'), needs, ({ kafka: { brokers }, postgres: { connection } }) => {
  const poisoners = new Poisoners();
  let rig: AnalyticsRig;
  let admin: Admin;
  let anybody: Producer;
  let replica: Replica;
  /** Of those that only the registry's ignorance kept out. */
  const unknown: SentSection[] = [];

  beforeAll(async () => {
    rig = await new AnalyticsRig({ brokers, postgres: connection }).start();
    rig.registry.set([...rig.traffic.registry, ...poisoners.registry()]);
    const client = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING });
    admin = client.admin();
    anybody = client.producer();
    await Promise.all([admin.connect(), anybody.connect()]);
    replica = await rig.startReplica();
  });
  afterAll(async () => {
    await Promise.all([admin?.disconnect(), anybody?.disconnect()]);
    await rig?.stop();
  });

  const send = (record: RawRecord) =>
    anybody.send({ topic: rig.topic, messages: [record], compression: CompressionTypes.GZIP });
  const compressionNow = async () => {
    const topic = { type: ConfigResourceTypes.TOPIC, name: rig.topic, configNames: ['compression.type'] };
    const { resources } = await admin.describeConfigs({ resources: [topic], includeSynonyms: false });
    return resources[0]?.configEntries[0]?.configValue;
  };
  /** The broker answers before it does so: a record sent at once would be compressed as before, and so be a good one. */
  const compression = async (value: string) => {
    const configEntries = [{ name: 'compression.type', value }];
    const resources = [{ type: ConfigResourceTypes.TOPIC, name: rig.topic, configEntries }];
    await admin.alterConfigs({ validateOnly: false, resources });
    await until(`compression by ${value}`, async () => (await compressionNow()) === value);
  };

  async function sendPoison(name: string): Promise<void> {
    const { isUnknownCodec, isSecond, agent } = poisonKinds[name]!;
    const { poison, first, section } = poisoners.make(name);
    if (isSecond) await send(first);
    if (isUnknownCodec) await compression('zstd');
    await send(poison);
    if (isUnknownCodec) await compression('snappy');
    if (isSecond) rig.traffic.sections.set(idOf(section), section);
    if (agent === 'unknown') unknown.push(section);
  }

  /** How many records of each kind were found to be what: `bad-crc crc-mismatch`. */
  async function putAside(): Promise<Record<string, number>> {
    const { rows } = await rig.pool.query<{ kind: string; count: number }>(
      `SELECT replace(key, 'poison-', '') || ' ' || reason AS kind, count(*)::int FROM analytics.quarantine GROUP BY 1
       UNION ALL SELECT 'unknown-codec ' || reason, sum(end_offset - first_offset)::int FROM analytics.loss GROUP BY 1`,
    );
    return Object.fromEntries(rows.map(({ kind, count }) => [kind, count]));
  }
  const expected = (of: readonly string[]) =>
    Object.fromEntries(of.map((name) => [`${name} ${poisonKinds[name]!.reason}`, ROUNDS]));

  it(`is put aside, 1 : ${GOOD_PER_POISON}, each of ${kinds.length} kinds for its reason, and all else is stored`, {
    timeout: 60_000 * (ROUNDS + 1),
  }, async () => {
    const start = performance.now();
    const random = newRandom();
    for (let round = 0; round < ROUNDS; round++) {
      for (const name of kinds) {
        const place = random.below(GOOD_PER_POISON / SEND_AT_ONCE);
        for (let part = 0; part < GOOD_PER_POISON / SEND_AT_ONCE; part++) {
          if (part === place) await sendPoison(name);
          await rig.send(SEND_AT_ONCE, PACKETS_EACH);
        }
      }
    }
    const found = await rig.found();
    const aside = await putAside();
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    printRow(
      `${kinds.length * ROUNDS} poison among ${rig.traffic.sections.size} records in ${seconds} s: ` +
        `${JSON.stringify(found)}, put aside ${JSON.stringify(aside)}`,
    );
    expect(found).toEqual({ lost: 0, duplicate: 0, unaccounted: 0 });
    expect(aside).toEqual(expected(kinds));
    expect(replica.process.hasExited).toBe(false);
  });

  it('is stored when it is sent again and is right by then; else it is put aside again', {
    timeout: 60_000 * (ROUNDS + 1),
  }, async () => {
    rig.registry.set([...rig.traffic.registry, ...poisoners.registry(true)]);
    for (const section of unknown) rig.traffic.sections.set(idOf(section), section);
    const { items } = await replica.client.call(queryApi.listQuarantine, { query: { limit: 1000 } });
    const newest = Number(items[0]!.id);
    const refused: string[] = [];
    for (const { id, reason } of items) {
      const again = replica.client.call(queryApi.retryQuarantined, { path: { id } });
      await again.catch((error: { code?: string }) => refused.push(`${reason} ${error.code}`));
    }
    // No log takes it from us; it stays where it is.
    expect(refused).toEqual(items.filter(({ reason }) => reason === 'too-large').map(() => 'too-large RECORD_INVALID'));
    const left = kinds.filter((name) => poisonKinds[name]!.agent !== 'unknown');
    await until('what is still wrong to come back', async () => {
      const back = await rig.pool.query('SELECT FROM analytics.quarantine WHERE id > $1', [newest]);
      return back.rowCount === items.length - refused.length - unknown.length;
    });
    expect(await rig.found()).toEqual({ lost: 0, duplicate: 0, unaccounted: 0 });
    expect(await putAside()).toEqual(expected(left));
    expect(replica.process.hasExited).toBe(false);
  });
});
