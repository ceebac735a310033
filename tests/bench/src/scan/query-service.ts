import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startTemporaryStore, type TemporaryStore } from '@bpfleet/store/embedded';
import { freePorts } from '@bpfleet/test-environment';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const START_MS = 60_000;

/** Analytics as it is installed, over a store of its own and without a Kafka: it only answers. */
export class QueryService {
  store!: TemporaryStore;
  url = '';
  #process!: ChildProcess;

  async start(): Promise<void> {
    this.store = await startTemporaryStore({ shared_buffers: '1GB', max_wal_size: '8GB', jit: 'off' });
    const { host, port: socket, user, database } = this.store.connectionConfig;
    const [port, nobody] = (await freePorts(2)) as [number, number];
    this.url = `http://127.0.0.1:${port}`;
    this.#process = spawn(process.execPath, [`${ROOT}apps/analytics/dist/main.js`], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: {
        ...{ PATH: process.env.PATH, HOME: process.env.HOME },
        BPFLEET_LOG_LEVEL: 'fatal',
        BPFLEET_PORT: String(port),
        BPFLEET_KAFKA_BROKERS: `127.0.0.1:${nobody}`,
        BPFLEET_SERVER: `http://127.0.0.1:${nobody}`,
        BPFLEET_POSTGRES_URL: `postgres://${user}@/${database}?host=${encodeURIComponent(host!)}&port=${socket}`,
      },
    });
    const isReady = () =>
      fetch(`${this.url}/healthz/ready`).then(
        ({ ok }) => ok,
        () => false,
      );
    for (const deadline = performance.now() + START_MS; !(await isReady()); await delay(100)) {
      if (performance.now() > deadline) throw new Error('analytics does not answer');
    }
  }

  get pid(): number {
    return this.#process.pid!;
  }

  async stop(): Promise<void> {
    if (this.#process?.exitCode === null && this.#process.signalCode === null) {
      this.#process.kill('SIGTERM');
      await once(this.#process, 'exit');
    }
    await this.store?.stop();
  }
}
