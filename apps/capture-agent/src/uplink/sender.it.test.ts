import { randomFillSync } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { KafkaBus, type PartitionHandler, type ReceivedRecord } from '@bpfleet/bus';
import { decodeRecordHeaders, isSectionSignature } from '@bpfleet/contract';
import { nodeCrypto, PrivateKey } from '@bpfleet/service';
import { canStartKafka, startOwnKafka, TcpProxy, type TestKafka } from '@bpfleet/test-environment';
import { suiteRequires } from '@bpfleet/test-environment/requirements';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { DiskRig } from '../spool/contract-tests/disk-rig.js';
import { connectionMetrics, senderMetrics } from './metrics.js';
import { SEND_TIMEOUT_MS, Sender } from './sender.js';

/** In the long form, `BPFLEET_TEST_ROUNDS=20`: 60 s of resets, 30 s half-open. */
const ROUNDS = Number(process.env.BPFLEET_TEST_ROUNDS ?? 2);
const RESETS_MS = 3_000 * ROUNDS;
const HALF_OPEN_MS = 1_500 * ROUNDS;
const SENDS = 50 * ROUNDS;
const LATE_MS = 15;
const SENDS_TIMEOUT_MS = 60_000 + SENDS * 200;
/** So many sections a second: 20,000 packets of 100 bytes. */
const EVERY_MS = 33;
const SECTION_BYTES = 60_000;

/** A bar of the agent, whatever the machine. */
const LONGEST_SEND_S = 15;

suiteRequires('a Sender over a bad network', { broker: await canStartKafka() }, () => {
  const session = { key: PrivateKey.generate(), delegation: 'delegation' };
  let kafka: Required<TestKafka>;
  let proxy: TcpProxy;
  let bus: KafkaBus;
  let rig: DiskRig;
  let sender: Sender;
  let topic: string;
  let registry: Registry;
  const connections = new Registry();
  let number = 0;
  let seq = 0;

  beforeAll(async () => {
    proxy = await TcpProxy.start();
    const started = await startOwnKafka({
      settings: { 'advertised.listeners': `PLAINTEXT://127.0.0.1:${proxy.port}` },
    });
    if ('unavailable' in started) throw new Error(started.unavailable);
    kafka = started;
    proxy.forwardTo(Number(kafka.brokers[0]?.split(':')[1]));
    const watch = connectionMetrics(connections);
    const brokers = [`127.0.0.1:${proxy.port}`];
    bus = new KafkaBus({ brokers, clientId: 'sender-test', ownId: async () => 'test', watch });
  });
  afterAll(async () => {
    await proxy?.stop();
    await kafka?.stop();
  });
  beforeEach(async () => {
    topic = `sender-${++number}`;
    await bus.ensureTopic(topic, 1);
    rig = new DiskRig();
    rig.nowMs = performance.now();
    await rig.open({}, 1 << 20);
    registry = new Registry();
    seq = 0;
    const clock = { boot: 1, nowMs: () => performance.now() };
    const logger = pino({ level: 'silent' });
    sender = new Sender(
      { topic, sendTimeoutMs: SEND_TIMEOUT_MS, keyOf: () => session, clock },
      [rig.spool],
      bus.producer(),
      senderMetrics(registry),
      logger,
      (error) => expect.fail(String(error)),
    );
    await sender.start();
  });
  afterEach(async () => {
    proxy.thaw();
    await sender.stop(0);
    await rig.close();
  });

  /** Closes sections at an even rate, as a capture thread does. */
  async function capture(ms: number): Promise<void> {
    const end = performance.now() + ms;
    while (performance.now() < end) {
      const spooled = { sections: seq + 1, packets: 3 * (seq + 1) };
      rig.append(seq++, SECTION_BYTES, { closedAtMs: performance.now(), closed: spooled, spooled });
      sender.wake();
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  }

  /** What the metrics say of the connections to Kafka. */
  async function kafkaFigures() {
    const figure = async (name: string): Promise<number> =>
      (await connections.getSingleMetric(`bpfleet_agent_kafka_${name}_total`)!.get()).values[0]!.value;
    return {
      connections: await figure('connections'),
      clients_given_up: await figure('clients_given_up'),
      metadata_requests: await figure('metadata_requests'),
    };
  }

  const allAcknowledged = () =>
    vi.waitFor(() => expect(rig.spool.sent.sections).toBe(seq), { timeout: 30_000, interval: 20 });

  /** What is in the log, in the order of its first arrival; everything in it is whole and signed. */
  async function stored(): Promise<number[]> {
    const seqs = new Set<number>();
    await readLog(({ headers, value }) => {
      const header = decodeRecordHeaders(headers);
      expect(crc32(value)).toBe(header.crc32);
      expect(isSectionSignature(header.signature!.sig, header, value, session.key.publicKey, nodeCrypto)).toBe(true);
      return seqs.add(header.seq).size === seq;
    });
    return [...seqs];
  }

  /** @param take is given each record, and says whether that is the last one that is waited for */
  async function readLog(take: (record: ReceivedRecord) => boolean): Promise<void> {
    let read: (end: Promise<void> | undefined) => void = () => {};
    const all = new Promise<void>((resolve) => {
      read = resolve;
    });
    const handler: PartitionHandler = {
      assigned: async () => 0n,
      read: async (_, records) => {
        try {
          if (records.map(take).includes(true)) read(undefined);
        } catch (error) {
          read(Promise.reject(error));
        }
        return records.at(-1)!.offset + 1n;
      },
      revoked: async () => {},
    };
    const consumer = bus.consumer({ topic, group: topic, handler, onError: () => {} });
    await consumer.start();
    try {
      await all;
    } finally {
      await consumer.stop();
    }
  }

  const inOrder = () => Array.from({ length: seq }, (_, index) => index);

  it('loses nothing when every connection is reset each 300 ms', { timeout: RESETS_MS + 60_000 }, async () => {
    const before = await kafkaFigures();
    const end = proxy.resetEvery(300);
    await capture(RESETS_MS);
    const broken = end();
    expect(broken).toBeGreaterThan(RESETS_MS / 900);
    await allAcknowledged();
    const after = await kafkaFigures();
    console.info(`${broken} connections reset: ${JSON.stringify(before)} before, ${JSON.stringify(after)} after`);
    expect(after.connections - before.connections).toBeGreaterThan(broken / 2);
    expect(after.metadata_requests).toBeGreaterThan(before.metadata_requests);
    expect(rig.spool.counts).toMatchObject({ waiting: { sections: 0 }, evicted: { sections: 0 } });
    expect(await stored()).toEqual(inOrder());
  });

  it('loses nothing on half-open connections, holds nothing in memory meanwhile, and goes on when they end', {
    timeout: 2 * HALF_OPEN_MS + 60_000,
  }, async () => {
    await capture(300);
    proxy.freeze();
    await capture(HALF_OPEN_MS / 2);
    const before = memoryBytes();
    await capture(HALF_OPEN_MS / 2);
    expect(memoryBytes() - before).toBeLessThan(40 * 2 ** 20);
    expect(rig.spool.counts.waiting.sections).toBeGreaterThan(10);
    proxy.thaw();
    const { clients_given_up: givenUp } = await kafkaFigures();
    await allAcknowledged();
    // kafkajs makes connections again by itself; of one that does not answer we make an end.
    expect((await kafkaFigures()).clients_given_up).toBeGreaterThan(givenUp);
    const longest = await registry.getSingleMetric('bpfleet_agent_sender_longest_send_seconds')!.get();
    const [{ value: longestSeconds } = { value: Number.NaN }] = longest.values;
    console.info(`half-open for ${HALF_OPEN_MS / 1000} s: the longest send took ${longestSeconds.toFixed(2)} s`);
    expect(longestSeconds).toBeGreaterThan(0);
    expect(longestSeconds).toBeLessThanOrEqual(LONGEST_SEND_S);
    expect(await stored()).toEqual(inOrder());
  });

  // The spool reads the next sections into the memory of those that were sent.
  it('sends no other bytes in the name of a section whose send timed out, and whose memory is used again', {
    timeout: SENDS_TIMEOUT_MS,
  }, async () => {
    const memory = Buffer.alloc(3 * SECTION_BYTES);
    const producer = bus.producer();
    const publish = (values: readonly Uint8Array[], timeoutMs: number): Promise<boolean> => {
      const records = values.map((value) => ({ key: 'host-1', value, headers: { crc32: String(crc32(value)) } }));
      return producer.send(topic, records, timeoutMs).then(
        () => true,
        () => false,
      );
    };
    proxy.delay(() => Math.random() * LATE_MS);
    let timedOut = 0;
    for (let send = 0; send < SENDS; send++) {
      randomFillSync(memory);
      const sections = [0, 1, 2].map((at) => memory.subarray(at * SECTION_BYTES, (at + 1) * SECTION_BYTES));
      if (!(await publish(sections, Math.random() * 8 * LATE_MS))) timedOut++;
    }
    // What is late is on its way for so long at most.
    await new Promise((resolve) => setTimeout(resolve, 2 * LATE_MS));
    proxy.delay(() => 0);
    expect(await publish([Buffer.from('last')], 15_000)).toBe(true);
    await producer.stop();
    let found = 0;
    await readLog(({ value, headers }) => {
      found++;
      expect(crc32(value)).toBe(Number(headers.crc32));
      return Buffer.from(value).toString() === 'last';
    });
    console.info(`${SENDS} sends of 3 sections, ${timedOut} timed out, ${found - 1} sections in the log, all whole`);
    expect(timedOut).toBeGreaterThan(SENDS / 10);
    expect(found - 1).toBeGreaterThan(3 * (SENDS - timedOut) - 1);
  });

  it('measures how long each section waits from its end to the log', async () => {
    await capture(3_000);
    await allAcknowledged();
    const { values } = await registry.getSingleMetric('bpfleet_agent_sender_wait_seconds')!.get();
    const within = (seconds: number | '+Inf') => values.find(({ labels }) => labels.le === seconds)!.value;
    const shares = [0.005, 0.01, 0.025, 0.05, 0.1, 0.2].map((le) => `${le * 1000} ms ${within(le)}`);
    console.info(`closed to acknowledged, ${seq} sections of ${SECTION_BYTES} bytes: ${shares.join(', ')}`);
    expect(within('+Inf')).toBe(seq);
  });
});

const memoryBytes = (): number => process.memoryUsage().rss;
