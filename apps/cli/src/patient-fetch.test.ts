import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fetchWithin, patientFetch } from './patient-fetch.js';

const SHORT_MS = 50;

describe('patientFetch', () => {
  let server: Server;
  /** Of requests that nobody answered yet. */
  const unanswered: ServerResponse[] = [];
  let begin: (response: ServerResponse) => unknown;
  beforeEach(async () => {
    server = createServer((_, response) => {
      begin(response);
      unanswered.push(response);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
    unanswered.length = 0;
  });

  const textBy = async (fetched: typeof fetch) => {
    const { port } = server.address() as AddressInfo;
    return (await fetched(`http://127.0.0.1:${port}/`)).text();
  };

  it.each([
    ['before its headers', 'UND_ERR_HEADERS_TIMEOUT', () => {}],
    ['within its body', 'UND_ERR_BODY_TIMEOUT', (response: ServerResponse) => response.write('half, ')],
  ])('waits for an answer that stands still %s for longer than a limit', async (_, code, beginOf) => {
    begin = beginOf;
    const patient = textBy(patientFetch);
    await expect.poll(() => unanswered.length).toBe(1);
    const limited = textBy(fetchWithin(SHORT_MS));
    // Longer than the limit: whoever has one gave up by then.
    await expect(limited).rejects.toMatchObject({ cause: { code } });
    unanswered[0]!.end('whole');
    expect(await patient).toMatch(/whole$/);
  });
});
