import { ApiClient, queryApi } from '@bpfleet/contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FrontServer } from './front-server.js';

describe('FrontServer', () => {
  let server: FrontServer;
  beforeEach(async () => {
    server = new FrontServer({ listen: '127.0.0.1', port: 0 });
    await server.start();
    server.serve({ filterManager: (_, response) => response.end('filter-manager') });
  });
  afterEach(() => server.stop());

  it('answers for each service from when it is there', async () => {
    const answer = async (path: string) => {
      const response = await fetch(server.url + path);
      return `${response.status} ${await response.text()}`;
    };
    expect(await answer('/api/v1/filters')).toBe('200 filter-manager');
    expect(await answer('/api/v1/packets')).toMatch(/^503 .*"STORE_UNAVAILABLE"/);
    server.serve({ analytics: (_, response) => response.end('analytics') });
    expect(await answer('/api/v1/packets')).toBe('200 analytics');
    expect(await answer('/api/v1/filters')).toBe('200 filter-manager');
  });

  it('answers as the services do while they are not there', async () => {
    const asked = new ApiClient({ server: server.url }).call(queryApi.listPackets, { query: {} });
    await expect(asked).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', message: 'bpfleet is starting' });
    const { headers } = await fetch(`${server.url}/api/v1/packets`);
    expect(headers.get('content-type')).toBe('application/problem+json');
    expect(headers.get('retry-after')).toBe('1');
  });

  it('passes questions on that are as long as the contract allows, and says of longer ones that they are', async () => {
    server.serve({ analytics: (request, response) => response.end(`analytics ${request.url!.length}`) });
    const path = `/api/v1/packets?filter=${'%3C'.repeat(65_536)}`;
    expect(await (await fetch(server.url + path)).text()).toBe(`analytics ${path.length}`);
    const longer = await fetch(server.url + path.repeat(2));
    expect([longer.status, longer.headers.get('content-type')]).toEqual([431, 'application/problem+json']);
  });
});
