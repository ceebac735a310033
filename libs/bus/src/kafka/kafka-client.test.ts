import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { BpfleetError } from '@bpfleet/errors';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KafkaClient } from './kafka-client.js';

describe('what a client logs of its connections', () => {
  let server: Server;
  let accepted: Promise<Socket>;
  let client: KafkaClient;
  const warnings: unknown[] = [];
  const told: unknown[] = [];
  beforeEach(async () => {
    warnings.length = 0;
    told.length = 0;
    // It takes what is asked, and never answers.
    server = createServer((socket) => socket.on('error', () => {}).resume());
    accepted = new Promise((resolve) => server.once('connection', resolve));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const said = (of: unknown[]) => (fields: object) => void of.push((fields as { said: string }).said);
    client = new KafkaClient({
      brokers: [`127.0.0.1:${(server.address() as AddressInfo).port}`],
      clientId: 'test',
      logger: { warn: said(warnings), debug: said(told) },
    });
  });
  afterEach(async () => {
    client.tearDown();
    await new Promise((resolve) => server.close(resolve));
  });
  const asking = () => expect(client.within(10_000, 'answer', () => client.kafka.admin().connect())).rejects;
  const closed = expect.stringMatching(/^Connection error: /);

  it('is no warning where it is closed as planned', async () => {
    const ended = asking().toMatchObject({ code: 'BUS_CLOSED' });
    await accepted;
    client.tearDown();
    await ended;
    await expect.poll(() => told).toContainEqual(closed);
    expect(warnings).toEqual([]);
  });

  it('is a warning where nothing answered in time, however it is torn down behind that', async () => {
    const ended = asking().toMatchObject({ code: 'BUS_TIMEOUT' });
    await accepted;
    client.tearDown(new BpfleetError('BUS_TIMEOUT', 'nobody answered'));
    client.tearDown();
    await ended;
    await expect.poll(() => warnings).toContainEqual('Connection error: nobody answered');
  });

  it('is a warning where the connection breaks', async () => {
    const ended = asking().toMatchObject({ code: 'BUS_CLOSED' });
    (await accepted).resetAndDestroy();
    await expect.poll(() => warnings).toContainEqual(expect.stringMatching(/^Connection error: .*ECONNRESET/));
    client.tearDown();
    await ended;
  });
});
