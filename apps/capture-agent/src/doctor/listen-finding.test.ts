import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { listenFinding } from './listen-finding.js';

describe('the address to listen on as doctor finds it', () => {
  it('is one of this host, or not', async () => {
    expect(await listenFinding('127.0.0.1', 0)).toMatchObject({ name: 'BPFLEET_LISTEN', state: 'ok' });
    for (const none of ['999.1.1.1', '192.0.2.1'])
      expect(await listenFinding(none, 0)).toMatchObject({
        ...{ state: 'no', detail: expect.stringContaining(none), advice: expect.stringContaining('BPFLEET_LISTEN') },
      });
  });

  it('may be taken, by an agent say that runs already', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    expect(await listenFinding('127.0.0.1', port)).toMatchObject({
      ...{
        state: 'warning',
        detail: expect.stringContaining(String(port)),
        advice: expect.stringContaining('own agent'),
      },
    });
    await new Promise((resolve) => server.close(resolve));
    expect(await listenFinding('127.0.0.1', port)).toMatchObject({ state: 'ok' });
  });
});
