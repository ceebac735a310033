import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from '@bpfleet/contract';

/** The registry of a filter-manager over HTTP, as analytics asks for it: with ETag and long-poll. */
export class RegistryServer {
  #registry: Registry = { revision: 1, agents: [], filters: [], versions: [] };
  #server: Server | undefined;
  #port = 0;
  readonly #waiting = new Set<ServerResponse>();
  /** As a cache in between: what is known is answered at once. */
  ignoresWait = false;
  requests = 0;
  /** Answered so far. */
  answers = 0;

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<this> {
    const server = createServer((request, response) => {
      this.requests++;
      const isKnown = request.headers['if-none-match'] === `"${this.#registry.revision}"`;
      if (!isKnown) this.#answer(response);
      else if (this.ignoresWait || new URL(request.url!, this.url).searchParams.get('wait') === '0s')
        response.writeHead(304).end();
      else {
        this.#waiting.add(response);
        response.once('close', () => this.#waiting.delete(response));
      }
    });
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
    return this;
  }

  /** Away; `start` brings it back on the same port. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  /** @param isTold false: those who wait are not woken, and only who asks hears of it */
  set(agents: Registry['agents'], isTold = true): void {
    this.#registry = { ...this.#registry, revision: this.#registry.revision + 1, agents };
    if (isTold) for (const response of this.#waiting) this.#answer(response);
  }

  #answer(response: ServerResponse): void {
    this.answers++;
    response.writeHead(200, { 'content-type': 'application/json', etag: `"${this.#registry.revision}"` });
    response.end(JSON.stringify(this.#registry));
  }
}
