import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { Problem } from '@bpfleet/contract';
import { afterEach, describe, expect, it } from 'vitest';
import { takeLongHeaders } from './long-headers.js';
import { answerUnreadableRequests } from './unreadable-requests.js';

describe('answerUnreadableRequests', () => {
  let server: Server;
  afterEach(() => server.closeAllConnections());

  async function connected(listener: RequestListener = (_, response) => response.end('read'), lingerMs?: number) {
    server = createServer({ headersTimeout: 100, connectionsCheckingInterval: 20 }, listener);
    takeLongHeaders(server);
    answerUnreadableRequests(server, lingerMs);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return connect((server.address() as AddressInfo).port, '127.0.0.1');
  }
  /** @throws Error `ECONNRESET` where the connection breaks before its end */
  async function answerOf(socket: Socket) {
    const answer = await text(socket);
    const [head = '', body = ''] = answer.split('\r\n\r\n');
    return { status: Number(head.split(' ')[1]), head: head.toLowerCase(), body };
  }
  const send = (socket: Socket, piece: string) =>
    new Promise<void>((resolve, reject) => {
      socket.write(piece, (error) => (error ? reject(error) : resolve()));
    });
  const question = (filter: string) => `GET /packets?filter=${filter} HTTP/1.1\r\nhost: bpfleet\r\n\r\n`;

  it('says of a question that is too long how long one may be, also to a sender who reads only when all is sent', async () => {
    const socket = await connected();
    const pieces = [question('%E2%82%AC'.repeat(65_536)), ...Array<string>(9).fill('x'.repeat(100_000))];
    for (const piece of pieces) await Promise.all([once(server, 'clientError'), send(socket, piece)]);
    const { status, head, body } = await answerOf(socket);
    expect(status).toBe(431);
    expect(head).toMatch(/content-type: application\/problem\+json\r\n/);
    expect(head).toMatch(new RegExp(`content-length: ${body.length}\r\n`));
    expect(Problem.parse(JSON.parse(body))).toMatchObject({
      ...{ status: 431, title: 'Request Header Fields Too Large', code: 'REQUEST_INVALID' },
      detail: expect.stringContaining('longer than the server takes: 278528 bytes'),
      hint: expect.stringContaining('a shorter expression'),
    });
  });

  it.each([
    ['what is no HTTP', 'hello\r\n\r\n', 400, /no HTTP request.*Invalid method/],
    ['headers that do not come', 'GET / HTTP/1.1\r\nhost:', 408, /within 0\.1 s/],
    [
      'a chunk that says too much',
      `POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1;${'a'.repeat(20_000)}\r\n`,
      ...([413, /the extensions of a chunk/] as const),
    ],
  ])('answers %s', async (_, sent, expected, detail) => {
    // Reads, and waits for the end.
    const socket = await connected((request) => request.on('error', () => undefined).resume());
    socket.write(sent);
    const { status, body } = await answerOf(socket);
    expect(status).toBe(expected);
    expect(JSON.parse(body)).toMatchObject({ code: 'REQUEST_INVALID', detail: expect.stringMatching(detail) });
  });

  it('puts nothing into the middle of another answer', async () => {
    const socket = await connected((_, response) => void response.write('half'));
    socket.write(question('tcp'));
    await once(socket, 'readable');
    socket.write('hello\r\n\r\n');
    const answer = (await buffer(socket)).toString();
    expect(answer).toContain('half');
    expect(answer).not.toContain('REQUEST_INVALID');
  });

  it('answers behind one that ended, on the same connection', async () => {
    const socket = await connected();
    socket.write(question('tcp'));
    await once(socket, 'readable');
    socket.write('hello\r\n\r\n');
    expect(await text(socket)).toMatch(/read.*HTTP\/1.1 400 /s);
  });

  it('does not wait for ever for a sender who does not go', async () => {
    const socket = await connected(undefined, 50);
    socket.on('error', () => undefined);
    const [accepted] = await Promise.all([
      once(server, 'connection').then(([connection]) => connection as Socket),
      socket.write('hello\r\n\r\n'),
    ]);
    await once(accepted, 'close');
    expect(socket.writableEnded).toBe(false);
  });

  it('bears a connection that breaks', async () => {
    const socket = await connected();
    socket.write('GET / HT');
    const [accepted] = (await once(server, 'connection')) as [Socket];
    const closed = new Promise((resolve) => accepted.once('close', resolve));
    socket.resetAndDestroy();
    await closed;
    expect(accepted.bytesWritten).toBe(0);
  });
});
