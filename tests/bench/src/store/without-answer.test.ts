import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { ApiClient } from '@bpfleet/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freshness } from './freshness.js';
import type { StoreRig } from './store-rig.js';
import { topTalkers } from './top-talkers.js';

describe('analytics that does not answer a question', () => {
  const server = createServer((_, response) => response.writeHead(404).end());
  let url: string;
  beforeAll(async () => {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => server.close());

  it('fails the talkers', async () => {
    await expect(topTalkers(url, 1)).rejects.toThrow('top: 404');
  });
  it('fails the freshness of a tail, and ends the load', async () => {
    let stop = (): void => {};
    const done = new Promise<void>((resolve) => {
      stop = resolve;
    });
    const asked = new ApiClient({ server: url });
    const client = { call: () => delay(10, { packets: [] }), send: asked.send.bind(asked) };
    const rig = { client, load: () => ({ done, stop }) };
    await expect(freshness(rig as unknown as StoreRig, 1, 1)).rejects.toThrow('404');
    await done;
  });
});
