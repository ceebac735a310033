import { createServer, type RequestListener, type Server } from 'node:http';
import { BpfleetError } from '@bpfleet/errors';
import { listenError, prepareServer, toProblem } from '@bpfleet/service';

/** What analytics answers; everything else is the filter-manager's (design: "One address"). */
const analyticsPaths = new RegExp(
  '^/(api/v1/(packets|flows|timeline|top|tail|backtests|imports|ledger|quarantine|identity-conflicts|store)' +
    '|openapi/analytics|docs/analytics)(?=[/?.]|$)',
);

export interface FrontHandlers {
  readonly filterManager: RequestListener;
  readonly analytics: RequestListener;
}

/** As the services answer while their database is away: who can wait asks again. */
const notThere = toProblem(
  new BpfleetError('STORE_UNAVAILABLE', 'bpfleet is starting', { hint: 'ask again in a second' }),
);

/** One HTTP address in front of both services. */
export class FrontServer {
  #server: Server | undefined;
  #handlers: Partial<FrontHandlers> = {};

  constructor(private readonly options: { readonly listen: string; readonly port: number }) {}

  /**
   * Takes the port first, before anything else is started: when it is taken, nothing was done. Answers 503 till `serve`.
   */
  async start(): Promise<void> {
    const server = createServer((request, response) => {
      const { url = '/' } = request;
      const handler = analyticsPaths.test(url) ? this.#handlers.analytics : this.#handlers.filterManager;
      if (handler === undefined) {
        const headers = { 'retry-after': '1', 'content-type': 'application/problem+json' };
        response.writeHead(notThere.status, headers).end(JSON.stringify(notThere));
      } else if (url === '/') response.writeHead(302, { location: '/docs' }).end();
      else handler(request, response);
    });
    prepareServer(server);
    const { listen, port } = this.options;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) => reject(refused(cause, listen, port)));
      server.listen(port, listen, resolve);
    });
    this.#server = server;
  }

  /** Each service from when it is there: analytics asks the filter-manager while it starts. */
  serve(handlers: Partial<FrontHandlers>): void {
    this.#handlers = { ...this.#handlers, ...handlers };
  }

  /** `http://127.0.0.1:7420` */
  get url(): string {
    const bound = this.#server?.address();
    if (bound === null || bound === undefined || typeof bound === 'string')
      throw new Error('the server does not listen');
    const { address, port, family } = bound;
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      // Long-polls and kept connections would hold the end for half a minute.
      server.closeAllConnections();
    });
  }
}

/** Here the port is an option of the command line. */
function refused(cause: unknown, listen: string, port: number): unknown {
  const error = listenError(cause, listen, port);
  if (!(error instanceof BpfleetError)) return error;
  const isTaken = error.code === 'PORT_TAKEN';
  return new BpfleetError(error.code, error.message, {
    cause,
    hint: `${isTaken ? 'is bpfleet running already? ' : ''}choose another port with --port N, another address with BPFLEET_LISTEN`,
  });
}
