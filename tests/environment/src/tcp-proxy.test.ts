import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TcpProxy } from './tcp-proxy.js';

describe('TcpProxy', () => {
  let echo: Server;
  let proxy: TcpProxy;
  const clients: Socket[] = [];

  beforeEach(async () => {
    echo = createServer((socket) => socket.on('error', () => undefined).pipe(socket)).listen(0, '127.0.0.1');
    await once(echo, 'listening');
    proxy = await TcpProxy.start();
    proxy.forwardTo((echo.address() as AddressInfo).port);
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await proxy.stop();
    await new Promise((resolve) => echo.close(resolve));
  });

  async function client(): Promise<Socket> {
    const socket = connect(proxy.port, '127.0.0.1');
    clients.push(socket);
    await once(socket, 'connect');
    return socket;
  }
  async function hear(socket: Socket, length: number): Promise<string> {
    let heard = '';
    while (heard.length < length) heard += String((await once(socket, 'data'))[0]);
    return heard;
  }
  function say(socket: Socket, text: string): Promise<string> {
    socket.write(text);
    return hear(socket, text.length);
  }
  const failure = async (socket: Socket) => (await once(socket, 'error'))[0] as NodeJS.ErrnoException;

  it('carries bytes both ways, many of them too, and shows what clients say', async () => {
    const seen: Buffer[] = [];
    proxy.onClientBytes = (bytes) => seen.push(bytes);
    const socket = await client();
    const much = 'x'.repeat(3_000_000);
    expect(await say(socket, much)).toBe(much);
    expect(Buffer.concat(seen).toString()).toBe(much);
  });

  it('passes an end on', async () => {
    const socket = await client();
    await say(socket, 'hello');
    socket.end('bye');
    const [last] = await once(socket, 'data');
    expect(String(last)).toBe('bye');
    await once(socket, 'end');
  });

  it('resets connections, and carries new ones', async () => {
    const socket = await client();
    await say(socket, 'hello');
    const failed = failure(socket);
    expect(proxy.reset()).toBe(1);
    expect((await failed).code).toBe('ECONNRESET');
    expect(await say(await client(), 'again')).toBe('again');
  });

  it('resets again and again, and counts', async () => {
    const end = proxy.resetEvery(5);
    for (let times = 0; times < 3; times += 1) await failure(await client());
    expect(end()).toBeGreaterThanOrEqual(3);
    expect(await say(await client(), 'calm')).toBe('calm');
  });

  it('freezes connections for good, new ones until it thaws', async () => {
    const before = await client();
    await say(before, 'hello');
    proxy.freeze();
    const during = await client();
    let heard = 0;
    for (const socket of [before, during]) {
      socket.on('data', () => {
        heard += 1;
      });
      socket.write('nobody hears this');
    }
    proxy.thaw();
    // Both ways once: what was lost would have come by then.
    expect(await say(await client(), 'again')).toBe('again');
    before.write('nor this');
    expect(await say(await client(), 'again')).toBe('again');
    expect(heard).toBe(0);
    expect([before.destroyed, during.destroyed]).toEqual([false, false]);
  });

  it('loses what is on its way when it freezes', async () => {
    const socket = await client();
    await say(socket, 'hello');
    const heard: Buffer[] = [];
    socket.on('data', (bytes) => heard.push(bytes));
    proxy.delay(() => 20);
    const arrived = new Promise<void>((resolve) => {
      proxy.onClientBytes = () => resolve();
    });
    socket.write('lost');
    await arrived;
    proxy.freeze();
    proxy.thaw();
    expect(await say(await client(), 'later')).toBe('later');
    expect(heard).toEqual([]);
  });

  it('delays what it carries, in order', async () => {
    const socket = await client();
    let ms = 60;
    proxy.delay(() => {
      ms -= 20;
      return Math.max(0, ms);
    });
    const arrived = new Promise<void>((resolve) => {
      proxy.onClientBytes = () => resolve();
    });
    const start = performance.now();
    socket.write('in ');
    await arrived;
    // The second piece has half of the first one's delay.
    socket.write('order');
    expect(await hear(socket, 8)).toBe('in order');
    expect(performance.now() - start).toBeGreaterThan(39);
  });

  it('holds what arrives, until it is let go', async () => {
    const socket = await client();
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      // Told before it goes on: this piece is held, too.
      proxy.onClientBytes = () => {
        release = proxy.hold();
        resolve();
      };
    });
    let heard = '';
    socket.on('data', (bytes) => {
      heard += String(bytes);
    });
    socket.write('held');
    await held;
    // One that is not held, on its way for as long.
    const other = await TcpProxy.start();
    other.forwardTo((echo.address() as AddressInfo).port);
    const free = connect(other.port, '127.0.0.1');
    clients.push(free);
    expect(await say(free, 'free')).toBe('free');
    expect(heard).toBe('');
    release();
    await expect.poll(() => heard).toBe('held');
    await other.stop();
  });

  it('forwards to a Unix socket', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'bpfleet-proxy-'));
    const path = join(folder, 'socket');
    const server = createServer((socket) => socket.pipe(socket)).listen(path);
    await once(server, 'listening');
    proxy.forwardTo(path);
    expect(await say(await client(), 'by path')).toBe('by path');
    server.close();
    await rm(folder, { recursive: true });
  });

  it('refuses connections while it does not know where they go', async () => {
    const lone = await TcpProxy.start();
    const socket = connect(lone.port, '127.0.0.1');
    clients.push(socket);
    expect((await failure(socket)).code).toBe('ECONNRESET');
    await lone.stop();
  });

  it('leaves nothing open', async () => {
    const sockets = [await client(), await client()];
    const failed = Promise.all(sockets.map(failure));
    proxy.freeze();
    await proxy.stop();
    await proxy.stop();
    await failed;
    const late = connect(proxy.port, '127.0.0.1');
    clients.push(late);
    expect((await failure(late)).code).toBe('ECONNREFUSED');
  });
});
