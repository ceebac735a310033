import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { serverFindings } from './server-findings.js';

const READY = '{"status":"ok","checks":{"postgres":"ok"}}';

describe('the doctor, of the filter-manager', () => {
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
  });
  async function listening(server: Server): Promise<number> {
    servers.push(server.listen(0, '127.0.0.1'));
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }
  async function closedPort(): Promise<number> {
    const port = await listening(createServer());
    await new Promise((resolve) => servers.pop()!.close(resolve));
    return port;
  }

  it('compares the clock with that of the filter-manager', async () => {
    const server = createServer((_, response) =>
      response.setHeader('date', 'Sun, 29 Nov 2026 10:00:00 GMT').end(READY),
    );
    const url = `http://127.0.0.1:${await listening(server)}`;
    const at = Date.parse('2026-11-29T10:00:00Z');
    expect(await serverFindings(url, () => at + 20_000)).toMatchObject([
      { state: 'ok' },
      { name: 'clock', state: 'ok' },
    ]);
    expect(await serverFindings(url, () => at - 3_600_000)).toMatchObject([
      { state: 'ok' },
      { name: 'clock', state: 'warning', detail: '3600 s from the filter-manager’s' },
    ]);
  });

  it('says that something else answers there', async () => {
    const page = createServer((_, response) => response.end('<html></html>'));
    expect(await serverFindings(`http://127.0.0.1:${await listening(page)}`, Date.now)).toMatchObject([
      { state: 'no', detail: expect.stringContaining('not as a filter-manager') },
      { name: 'clock', state: 'warning' },
    ]);
  });

  it('says of a filter-manager that is away what goes on meanwhile', async () => {
    const url = `http://127.0.0.1:${await closedPort()}`;
    expect(await serverFindings(url, Date.now)).toMatchObject([
      { state: 'no', advice: expect.stringContaining('the last desired state keeps running') },
      { name: 'clock', state: 'warning' },
    ]);
  });

  it('says of a filter-manager that never answers that it does not, and that clocks were not compared', async () => {
    const url = `http://127.0.0.1:${await listening(createServer(() => undefined))}`;
    expect(await serverFindings(url, Date.now)).toMatchObject([
      { state: 'no', detail: 'it has not answered within 3 s', advice: expect.stringContaining('BPFLEET_SERVER') },
      { name: 'clock', state: 'warning', detail: expect.stringContaining('not compared') },
    ]);
  });
});
