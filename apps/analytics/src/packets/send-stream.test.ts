import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { COMPLETENESS_TRAILER, packetMediaTypes } from '@bpfleet/contract';
import { afterEach, describe, expect, it } from 'vitest';
import type { PacketStream } from './packets.service.js';
import { sendStream } from './send-stream.js';

const completeness = {
  sectionsScanned: 1,
  packetsScanned: 2,
  packetsUndecided: 0,
  recordsQuarantined: 0,
  droppedByKernel: 0,
  sectionsPruned: 0,
  lostByAgents: 0,
  leftOutByAgents: 0,
  sectionsMissing: 0,
  packetsMissing: 0,
  recordsLost: 0,
  rangeScanned: true,
};

/** A stream that counts what is taken from it, and knows when it is given up. */
class WatchedBody {
  taken = 0;
  isOver = false;

  async *chunks(count: number, failAt = Number.POSITIVE_INFINITY): AsyncGenerator<Uint8Array> {
    try {
      for (; this.taken < count; this.taken++) {
        if (this.taken === failAt) throw new Error('the store broke');
        yield new Uint8Array(64 * 1024).fill(97);
      }
    } finally {
      this.isOver = true;
    }
  }
}

describe('sendStream', () => {
  let server: Server | undefined;
  afterEach(() => server?.closeAllConnections());

  /** Serves one stream; `ended` is what `sendStream` came to. */
  async function serve(body: AsyncIterable<Uint8Array>, rest: Partial<PacketStream> = {}) {
    const { port, ended } = await listenWith(body, rest);
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      get({ port, host: '127.0.0.1' }, resolve).on('error', reject);
    });
    return { response, ended };
  }

  async function listenWith(body: AsyncIterable<Uint8Array>, rest: Partial<PacketStream>) {
    let settle: (end: Promise<void>) => void;
    const ended = new Promise<void>((resolve) => {
      settle = resolve;
    });
    ended.catch(() => {});
    server = createServer((_request, response: ServerResponse) => {
      const hangUp = new AbortController();
      response.once('close', () => {
        if (!response.writableFinished) hangUp.abort();
      });
      const sending = sendStream({ mediaType: packetMediaTypes.pcapng, body, ...rest }, response, hangUp.signal);
      sending.catch(() => (response.headersSent ? response.destroy() : response.writeHead(503).end()));
      settle(sending);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return { port: (server.address() as AddressInfo).port, ended };
  }

  /** All that comes for a request line and no headers. */
  async function raw(port: number, requestLine: string): Promise<string> {
    const socket = connect(port, '127.0.0.1');
    socket.end(`${requestLine}\r\nHost: a\r\nConnection: close\r\n\r\n`);
    return text(socket);
  }

  it('sends everything, and the completeness behind it', async () => {
    const trailer = async () => completeness;
    const { response, ended } = await serve(new WatchedBody().chunks(3), { fileName: 'a.pcapng', trailer });
    expect(response.headers['content-type']).toBe(packetMediaTypes.pcapng);
    expect(response.headers['content-disposition']).toBe('attachment; filename="a.pcapng"');
    expect((await text(response)).length).toBe(3 * 64 * 1024);
    expect(JSON.parse(response.trailers[COMPLETENESS_TRAILER.toLowerCase()]!)).toEqual(completeness);
    await ended;
  });
  it('sends the file alone to HTTP/1.0, which has no place for what comes behind it', async () => {
    const body = new WatchedBody();
    const { port, ended } = await listenWith(body.chunks(3), { trailer: async () => completeness });
    const [head, file] = (await raw(port, 'GET / HTTP/1.0')).split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1.1 200/);
    expect(head).not.toMatch(/trailer|chunked/i);
    expect(file).toHaveLength(3 * 64 * 1024);
    await ended;
  });
  it('sends the headers alone for HEAD, and reads no more than they need', async () => {
    const body = new WatchedBody();
    const { port, ended } = await listenWith(body.chunks(3), { trailer: async () => completeness });
    const answer = await raw(port, 'HEAD / HTTP/1.1');
    expect(answer).toMatch(/^HTTP\/1.1 200.*application\/x-pcapng.*\r\n\r\n$/s);
    await ended;
    expect(body.isOver).toBe(true);
    expect(body.taken).toBe(0);
  });
  it('takes no more from the store than the receiver takes', async () => {
    const body = new WatchedBody();
    const { response } = await serve(body.chunks(100_000));
    let before = -1;
    // Until the buffers on the way are full and nothing moves any more.
    await expect
      .poll(
        () => {
          const isStill = body.taken === before;
          before = body.taken;
          return isStill;
        },
        { interval: 200, timeout: 10_000 },
      )
      .toBe(true);
    expect(body.taken).toBeLessThan(1000);
    response.destroy();
    await expect.poll(() => body.isOver).toBe(true);
  });
  it('gives up when the receiver hangs up', async () => {
    const body = new WatchedBody();
    const { response, ended } = await serve(body.chunks(100_000));
    response.destroy();
    await expect(ended).rejects.toMatchObject({ name: 'AbortError' });
    expect(body.isOver).toBe(true);
    expect(body.taken).toBeLessThan(100_000);
  });
  it('fails before the headers when the first bytes fail', async () => {
    const { response, ended } = await serve(new WatchedBody().chunks(9, 0));
    expect(response.statusCode).toBe(503);
    await expect(ended).rejects.toThrow('the store broke');
  });
  it('breaks the connection when it fails behind them', async () => {
    const { response, ended } = await serve(new WatchedBody().chunks(9, 2));
    expect(response.statusCode).toBe(200);
    await expect(text(response)).rejects.toThrow('aborted');
    await expect(ended).rejects.toThrow('the store broke');
  });
});
