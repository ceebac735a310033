import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { kafka, suiteRequires } from '@bpfleet/test-environment/requirements';
import { expect, it } from 'vitest';
import { FakeIngest, FakeStore } from '../contract-tests/ingest-fake.js';
import { shortSessionMs } from '../contract-tests/short-session.js';
import { Condition } from '../in-process/condition.js';
import { KafkaBus } from './kafka-bus.js';

const program = join(import.meta.dirname, '../contract-tests/logging-consumer.mjs');

suiteRequires('a consumer that was stopped for longer than its session', { kafka: await kafka() }, ({ kafka }) => {
  it('loses its partitions, and reads none of them before it is assigned them again', async () => {
    const sessionTimeoutMs = shortSessionMs(kafka);
    const options = { brokers: kafka.brokers, clientId: 'session-test', ownId: async () => 'test', sessionTimeoutMs };
    const bus = new KafkaBus(options);
    const topic = `session-${randomUUID()}`;
    await bus.ensureTopic(topic, 2);

    const frozen = spawn(process.execPath, [program, kafka.brokers[0]!, topic, String(sessionTimeoutMs)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const said: string[] = [];
    const changed = new Condition();
    createInterface(frozen.stdout).on('line', (line) => {
      said.push(line);
      changed.changed();
    });
    const saidUntil = (holds: () => boolean) => changed.until(holds, new AbortController().signal);
    const producer = bus.producer();
    let isDone = false;
    // Two keys that lie in different partitions; there is always something new to read in both.
    const sending = (async () => {
      while (!isDone) {
        const values = ['a', 'b', 'c', 'd'].map((key) => ({ key, value: Buffer.from(key), headers: {} }));
        await producer.send(topic, values, 10_000);
      }
    })();
    const store = new FakeStore();
    const ingest = new FakeIngest('heir', store);
    const heir = bus.consumer({ topic, group: topic, handler: ingest, onError: () => undefined });
    try {
      await saidUntil(() => said.includes('read 0') && said.includes('read 1'));
      frozen.kill('SIGSTOP');
      await heir.start();
      // With nobody to tell the broker that the other one is gone.
      await store.until(() => ingest.held.size === 2 && store.rows.length > 10);

      const before = said.length;
      frozen.kill('SIGCONT');
      await saidUntil(() => said.slice(before).some((line) => line.startsWith('assigned')));
      await saidUntil(() => said.slice(before).some((line) => line.startsWith('read')));
      const after = said.slice(before);
      const assigned = after.find((line) => line.startsWith('assigned'))!.split(' ')[1];
      // What it was in the middle of when it was stopped may still come out; its fence in Postgres refuses that.
      const firstRead = after.findIndex((line) => line.startsWith('read'));
      expect(after.slice(0, firstRead)).toContain(`assigned ${assigned}`);
      expect(after[firstRead]).toBe(`read ${assigned}`);
      expect(ingest.violation).toBeUndefined();
    } finally {
      isDone = true;
      await Promise.allSettled([sending]);
      frozen.kill('SIGKILL');
      await Promise.all([heir.stop(), producer.stop()]);
    }
  });
});
