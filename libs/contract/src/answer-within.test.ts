import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BpfleetError } from '@bpfleet/errors';
import { afterEach, describe, expect, it } from 'vitest';
import { answerWithin } from './answer-within.js';

describe('answerWithin', () => {
  const server = createServer((request, response) => {
    // One path begins an answer, neither ends one.
    if (request.url === '/half') response.write('{');
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });
  async function urlOf(path: string): Promise<string> {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
  }
  const late = {
    name: 'BpfleetError',
    code: 'SERVER_UNREACHABLE',
    message: 'the filter-manager has not answered within 0.2 s',
    hint: expect.stringContaining('BPFLEET_SERVER'),
  };

  it.each(['/', '/half'])('says who was late, when nothing or half an answer comes (%s)', async (path) => {
    const url = await urlOf(path);
    const ask = async (signal: AbortSignal) => (await fetch(url, { signal })).json();
    await expect(answerWithin(200, 'the filter-manager', ask)).rejects.toMatchObject(late);
  });

  it('hands on the end that was asked for, which nobody is late with', async () => {
    const url = await urlOf('/');
    const stopping = new AbortController();
    const asked = answerWithin(60_000, 'it', (signal) => fetch(url, { signal }), stopping.signal);
    stopping.abort();
    await expect(asked).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('hands on what is wrong with an answer, however late', async () => {
    const wrong = new BpfleetError('BUNDLE_INVALID', 'another one');
    const ask = async (signal: AbortSignal) => {
      await once(signal, 'abort');
      throw wrong;
    };
    await expect(answerWithin(1, 'it', ask)).rejects.toBe(wrong);
  });

  it('gives the answer', async () => {
    expect(await answerWithin(60_000, 'it', async () => 7)).toBe(7);
  });
});
