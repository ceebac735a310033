import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, expect, it } from 'vitest';
import { tellProcessing } from './tell-processing.js';

let server: Server;
afterEach(() => server.closeAllConnections());

it('says that it goes on until the answer begins, and not into it', async () => {
  let response: ServerResponse | undefined;
  server = createServer((_, answer) => {
    response = answer;
    tellProcessing(answer, 5);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const request = get({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
  const said: number[] = [];
  request.on('information', ({ statusCode }) => said.push(statusCode));
  await expect.poll(() => said.length).toBeGreaterThan(2);
  expect(new Set(said)).toEqual(new Set([102]));
  const answered = once(request, 'response') as Promise<[IncomingMessage]>;
  response!.write('first ');
  const [message] = await answered;
  const before = said.length;
  setTimeout(() => response!.end('last'), 50);
  expect(await text(message)).toBe('first last');
  expect(said).toHaveLength(before);
});
