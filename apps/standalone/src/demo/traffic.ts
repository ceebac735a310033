import { createSocket, type Socket } from 'node:dgram';
import { Agent, createServer, get, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

const HTTP_PORT = 7480;
const UDP_PORT = 7453;
const INTERVAL_MS = 250;
const LOOPBACK = '127.0.0.1';

/** A little real traffic on loopback: HTTP requests and UDP questions, answered by servers of this process. */
export class DemoTraffic {
  #http: Server | undefined;
  #udp: Socket | undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly #connections = new Agent({ keepAlive: false });
  #httpPort = HTTP_PORT;
  #udpPort = UDP_PORT;
  #count = 0;

  async start(): Promise<void> {
    const http = createServer((request, response) => response.end(`hello ${request.url}\n`));
    await listening((port, failed, ready) => http.once('error', failed).listen(port, LOOPBACK, ready), HTTP_PORT);
    const udp = createSocket('udp4');
    udp.on('message', (question, from) => {
      // An answer is not answered: it comes back to the port that asked.
      if (!question.toString().startsWith('answer')) udp.send(`answer to ${question}`, from.port, from.address);
    });
    await listening((port, failed, ready) => udp.once('error', failed).bind(port, LOOPBACK, ready), UDP_PORT);
    this.#http = http;
    this.#udp = udp;
    this.#httpPort = (http.address() as AddressInfo).port;
    this.#udpPort = udp.address().port;
    this.#timer = setInterval(() => this.#ask(), INTERVAL_MS);
    this.#ask();
  }

  /** The expression that matches all of it. */
  get expression(): string {
    return `tcp port ${this.#httpPort} or udp port ${this.#udpPort}`;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#connections.destroy();
    const { http, udp } = { http: this.#http, udp: this.#udp };
    this.#http = undefined;
    this.#udp = undefined;
    await new Promise<void>((closed) => {
      if (!http) return closed();
      http.close(() => closed());
      http.closeAllConnections();
    });
    await new Promise<void>((closed) => (udp ? udp.close(closed) : closed()));
  }

  #ask(): void {
    this.#count++;
    const request = get({
      host: LOOPBACK,
      port: this.#httpPort,
      path: `/greeting/${this.#count}`,
      agent: this.#connections,
    });
    request.on('response', (response) => response.resume());
    // The server may be closing: the next question, if any, shows.
    request.on('error', () => {});
    const asker = createSocket('udp4');
    asker.on('message', () => asker.close());
    asker.on('error', () => asker.close());
    asker.send(`question ${this.#count}`, this.#udpPort, LOOPBACK);
  }
}

/** Listens on the port everybody can remember; on any other when it is taken. */
async function listening(
  listen: (port: number, failed: (error: Error) => void, ready: () => void) => unknown,
  wanted: number,
): Promise<void> {
  const attempt = (port: number) => new Promise<void>((resolve, reject) => listen(port, reject, resolve));
  await attempt(wanted).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE') throw error;
    return attempt(0);
  });
}
