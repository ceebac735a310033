import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { KafkaBus } from '@bpfleet/bus';
import { afterEach, describe, expect, it } from 'vitest';
import { brokerFinding } from './broker-finding.js';

describe('the doctor, of a broker', () => {
  let server: Server;
  const sockets = new Set<Socket>();
  afterEach(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  async function asked(onConnection: (socket: Socket) => void) {
    server = createServer((socket) => {
      sockets.add(socket.on('error', () => undefined));
      onConnection(socket);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const endpoint = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const bus = new KafkaBus({ brokers: [endpoint], clientId: 'doctor', requestTimeoutMs: 500 });
    return brokerFinding(endpoint, () => bus.endpoints());
  }

  it('says that it is none when it hangs up at once', async () => {
    expect(await asked((socket) => socket.destroy())).toMatchObject({ state: 'no', advice: expect.any(String) });
  });

  it('says that it is none when it never answers, and does not wait for ever', async () => {
    expect(await asked(() => undefined)).toMatchObject({
      ...{ state: 'no', detail: expect.stringMatching(/did not .* within 500 ms|timed out/) },
      advice: expect.stringContaining('spool'),
    });
  });

  it('says that it is one when it answered', async () => {
    expect(await brokerFinding('kafka:9092', async () => ['kafka:9092'])).toMatchObject({ state: 'ok' });
  });
});
