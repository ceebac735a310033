import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { kafkajs } from './kafkajs.js';

const MIB = 2 ** 20;
const LARGEST = Buffer.from([0x7f, 0xff, 0xff, 0xff]);
let server: Server;
afterEach(() => new Promise((resolve) => server.close(resolve)));

/** Answers each connection's first bytes. @returns what a client says that asks it */
async function asked(answer: (socket: Socket) => void): Promise<unknown> {
  server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => answer(socket));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const brokers = [`127.0.0.1:${(server.address() as AddressInfo).port}`];
  const retry = { retries: 0 };
  const admin = new kafkajs.Kafka({ brokers, retry, logLevel: kafkajs.logLevel.NOTHING }).admin();
  try {
    return await admin.connect();
  } catch (error) {
    return error;
  } finally {
    await admin.disconnect();
  }
}

describe('an answer that is none of Kafka’s', () => {
  it.each([
    ['has no room for a correlation id', Buffer.alloc(4)],
    ['has a length below 0', Buffer.from([0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0])],
    ['has the least length', Buffer.from([0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])],
  ])('%s: the connection ends, and who asked hears of it', async (_, bytes) => {
    const error = await asked((socket) => socket.write(bytes));
    expect(error).toMatchObject({ message: expect.stringContaining("no answer of Kafka's protocol") });
  });

  it('says that it is larger than any: nothing of it is taken', async () => {
    let written = 0;
    const error = await asked((socket) => {
      const more = () => {
        for (let fits = true; fits && !socket.destroyed; written += MIB) fits = socket.write(Buffer.alloc(MIB));
      };
      socket.write(LARGEST);
      socket.on('drain', more);
      more();
    });
    expect(error).toMatchObject({ message: expect.stringContaining('an answer of 2147483651 bytes') });
    // What the kernel's buffers hold is written.
    expect(written).toBeLessThan(32 * MIB);
  });
});
