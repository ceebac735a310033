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
import { senderMetrics } from './metrics.js';
import { Sender } from './sender.js';

/** In the long form, `BPFLEET_TEST_ROUNDS=20`: 60 s of resets, 30 s half-open. */
const ROUNDS = Number(process.env.BPFLEET_TEST_ROUNDS ?? 2);
const RESETS_MS = 3_000 * ROUNDS;
const HALF_OPEN_MS = 1_500 * ROUNDS;
/** So many sections a second: 20,000 packets of 100 bytes. */
const EVERY_MS = 33;
const SECTION_BYTES = 60_000;

suiteRequires('a Sender over a bad network', { broker: await canStartKafka() }, () => {
  const session = { key: PrivateKey.generate(), delegation: 'delegation' };
  let kafka: Required<TestKafka>;
  let proxy: TcpProxy;
  let bus: KafkaBus;
  let rig: DiskRig;
  let sender: Sender;
  let topic: string;
  let registry: Registry;
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
    bus = new KafkaBus({ brokers: [`127.0.0.1:${proxy.port}`], clientId: 'sender-test', ownId: async () => 'test' });
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
      { topic, sendTimeoutMs: 15_000, keyOf: () => session, clock },
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

  const allAcknowledged = () =>
    vi.waitFor(() => expect(rig.spool.sent.sections).toBe(seq), { timeout: 30_000, interval: 20 });

  /** What is in the log, in the order of its first arrival; everything in it is whole and signed. */
  async function stored(): Promise<number[]> {
    const seqs = new Set<number>();
    let read: () => void = () => {};
    const all = new Promise<void>((resolve) => {
      read = resolve;
    });
    const take = ({ headers, value }: ReceivedRecord): void => {
      const header = decodeRecordHeaders(headers);
      expect(crc32(value)).toBe(header.crc32);
      expect(isSectionSignature(header.signature!.sig, header, value, session.key.publicKey, nodeCrypto)).toBe(true);
      seqs.add(header.seq);
    };
    const handler: PartitionHandler = {
      assigned: async () => 0n,
      read: async (_, records) => {
        for (const record of records) take(record);
        if (seqs.size === seq) read();
        return records.at(-1)!.offset + 1n;
      },
      revoked: async () => {},
    };
    const consumer = bus.consumer({ topic, group: topic, handler, onError: () => {} });
    await consumer.start();
    await all;
    await consumer.stop();
    return [...seqs];
  }

  const inOrder = () => Array.from({ length: seq }, (_, index) => index);

  it('loses nothing when every connection is reset each 300 ms', { timeout: RESETS_MS + 60_000 }, async () => {
    const end = proxy.resetEvery(300);
    await capture(RESETS_MS);
    expect(end()).toBeGreaterThan(RESETS_MS / 900);
    await allAcknowledged();
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
    const start = performance.now();
    await allAcknowledged();
    expect(performance.now() - start).toBeLessThan(20_000);
    expect(await stored()).toEqual(inOrder());
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
