import { once } from 'node:events';
import { createServer, type IncomingMessage, request as open, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { endIdleRequests } from './idle-requests.js';

/** Node's own limits, of a whole request; they end one after 5 minutes. */
const NODE = { headersTimeout: 100, requestTimeout: 150, connectionsCheckingInterval: 20 } as const;

describe('endIdleRequests', () => {
  let server: Server;
  afterEach(() => server.closeAllConnections());

  /** Answers how many bytes came. @param before awaited before the body is read */
  async function serve(
    idleMs: number | undefined,
    before: (request: IncomingMessage) => Promise<unknown> = async () => {},
  ): Promise<void> {
    const count = async (request: IncomingMessage) => {
      await before(request);
      let bytes = 0;
      for await (const piece of request) bytes += (piece as Buffer).length;
      return bytes;
    };
    server = createServer(NODE, (request, response) => {
      count(request).then(
        (bytes) => response.end(String(bytes)),
        // Refused, and told so already.
        () => undefined,
      );
    });
    if (idleMs !== undefined) endIdleRequests(server, idleMs);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    server.on('clientError', (_, socket) => socket.end('HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n\r\n'));
  }
  /** Sends pieces, each after a pause; undefined: nothing more, and no end. */
  async function upload(pieces: Iterable<Uint8Array | undefined>, pauseMs: number) {
    const { port } = server.address() as AddressInfo;
    const request = open({ host: '127.0.0.1', port, method: 'POST', agent: false });
    const answered = once(request, 'response') as Promise<[IncomingMessage]>;
    answered.catch(() => undefined);
    request.on('error', () => undefined);
    for (const piece of pieces) {
      if (piece === undefined) break;
      request.write(piece);
      await delay(pauseMs);
    }
    if (![...pieces].includes(undefined)) request.end();
    const [response] = await answered;
    return { status: response.statusCode, body: await text(response) };
  }
  const pieces = (count: number, bytes = 10) => Array.from({ length: count }, () => new Uint8Array(bytes));

  it('lets a body take longer than Node would, as long as it moves', async () => {
    await serve(2_000);
    expect(await upload(pieces(20), 30)).toEqual({ status: 200, body: '200' });
  });
  it('is needed for that', async () => {
    await serve(undefined);
    expect(await upload(pieces(20), 30)).toMatchObject({ status: 408 });
  });
  it('answers a body that stands still with what to do', async () => {
    await serve(100);
    const { status, body } = await upload([...pieces(2), undefined], 1);
    expect(status).toBe(408);
    expect(JSON.parse(body)).toMatchObject({
      code: 'REQUEST_INVALID',
      detail: 'nothing came of the request for 0.1 s',
    });
  });
  it('does not blame a sender who could not send because nobody reads', async () => {
    // Long: the sender is in this process, and once its body is read it is to blame for each pause, also one of them both.
    await serve(1_000, async (request) => {
      for (let times = 0; times < 2; times++) await once(request, 'timeout');
    });
    expect(await upload(pieces(4, 16 * 1024 * 1024), 0)).toEqual({ status: 200, body: String(64 * 1024 * 1024) });
  });
  it('still ends a body that stands still after nobody read for a while', async () => {
    await serve(50, () => delay(200));
    expect(await upload([...pieces(1, 1_000), undefined], 0)).toMatchObject({ status: 408 });
  });
});
