import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { StatusServer } from './status-server.js';

describe('StatusServer', () => {
  it('holds few connections: each takes a descriptor', async () => {
    const free = createServer().listen(0, '127.0.0.1');
    await once(free, 'listening');
    const { port } = free.address() as AddressInfo;
    await new Promise((resolve) => free.close(resolve));
    const status = new StatusServer({ listen: '127.0.0.1', port }, new Registry());
    await status.start();
    const sockets: Socket[] = [];
    let closed = 0;
    for (let index = 0; index < 40; index++) {
      const socket = connect(port, '127.0.0.1')
        .on('error', () => {})
        .on('close', () => closed++);
      sockets.push(socket.resume());
    }
    await expect.poll(() => closed).toBe(24);
    for (const socket of sockets) socket.destroy();
    await status.stop();
  });
});
