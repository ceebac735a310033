import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startKafka, type TestKafka, type Unavailable } from './kafka.js';
import { startPostgres, type TestPostgres } from './postgres.js';

/** What test files are told about the broker of this run. */
export type SharedKafka = Pick<TestKafka, 'route' | 'version' | 'brokers'>;
export type SharedPostgres = Pick<TestPostgres, 'connection' | 'version'>;

/** What a test file can ask for, by name. */
export interface Shared {
  kafka: SharedKafka | Unavailable;
  postgres: SharedPostgres | Unavailable;
}

interface Running<Name extends keyof Shared = keyof Shared> {
  readonly shared: Shared[Name];
  stop(): Promise<void>;
}

/**
 * One Kafka and one Postgres for all test files of a run, started when the first file asks. Test files run in processes
 * of their own and ask over HTTP.
 */
export class SharedServers {
  readonly #running = new Map<string, Promise<Running>>();
  readonly #starts: { [Name in keyof Shared]: () => Promise<Running<Name>> } = {
    kafka: async () => {
      const kafka = await startKafka();
      if ('unavailable' in kafka) return { shared: kafka, stop: async () => undefined };
      const { route, version, brokers } = kafka;
      return { shared: { route, version, brokers }, stop: () => kafka.stop() };
    },
    postgres: async () => {
      const postgres = await startPostgres();
      const { connection, version } = postgres;
      return { shared: { connection, version }, stop: () => postgres.stop() };
    },
  };
  readonly #server: Server = createServer((request, response) => {
    void this.#get(request.url?.slice(1) ?? '').then((shared) => response.end(JSON.stringify(shared)));
  });

  /** Resolves with the address to ask at. */
  async listen(): Promise<string> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await Promise.all([...this.#running.values()].map(async (running) => (await running).stop()));
  }

  async #get(name: string): Promise<Running['shared']> {
    if (!(name in this.#starts)) return { unavailable: `nobody knows a server ${name}` };
    let running = this.#running.get(name);
    if (running === undefined) {
      running = this.#starts[name as keyof Shared]().catch((error: Error) => ({
        shared: { unavailable: error.message },
        stop: async () => undefined,
      }));
      this.#running.set(name, running);
    }
    return (await running).shared;
  }
}
