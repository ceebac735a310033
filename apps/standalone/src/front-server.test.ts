import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FrontServer } from './front-server.js';

describe('FrontServer', () => {
  let server: FrontServer;
  beforeEach(async () => {
    server = new FrontServer({ listen: '127.0.0.1', port: 0 });
    await server.start();
    server.serve({
      analytics: (request, response) => response.end(`analytics ${request.url!.length}`),
      filterManager: (_, response) => response.end('filter-manager'),
    });
  });
  afterEach(() => server.stop());

  it('passes questions on that are as long as the contract allows', async () => {
    const path = `/api/v1/packets?filter=${'%3C'.repeat(65_536)}`;
    expect(await (await fetch(server.url + path)).text()).toBe(`analytics ${path.length}`);
  });
});
