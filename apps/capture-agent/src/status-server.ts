import { createServer, type Server } from 'node:http';
import { listenError } from '@bpfleet/service';
import type { Registry } from 'prom-client';

/** Each takes a descriptor, which capture and sending need too; who scrapes has one or two. */
const MAX_CONNECTIONS = 16;
/** One that says nothing for so long is closed. */
const IDLE_MS = 10_000;

/** `/metrics`, and `/healthz/` with whatever follows: all the HTTP an agent serves. */
export class StatusServer {
  #server: Server | undefined;

  constructor(
    private readonly options: { readonly listen: string; readonly port: number },
    private readonly registry: Registry,
  ) {}

  async start(): Promise<void> {
    const server = createServer((request, response) => {
      if (request.url === '/metrics') {
        this.registry.metrics().then(
          (text) => response.writeHead(200, { 'content-type': this.registry.contentType }).end(text),
          () => response.writeHead(500).end(),
        );
      } else if (request.url?.startsWith('/healthz/'))
        response.writeHead(200, { 'content-type': 'text/plain' }).end('ok\n');
      else response.writeHead(404).end();
    });
    server.maxConnections = MAX_CONNECTIONS;
    server.setTimeout(IDLE_MS);
    const { listen, port } = this.options;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) => reject(listenError(cause, listen, port)));
      server.listen(port, listen, resolve);
    });
    this.#server = server;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  }
}
