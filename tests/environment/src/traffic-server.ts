import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { EchoPorts } from './traffic.js';

/**
 * A process that sends back what it gets, by IPv4 and IPv6: `node traffic-server.js '{"tcp":[80],"udp":[53]}'`.
 * Says `ready` when all ports are open. Ends with its standard input, and so with whoever started it.
 */
const ports = JSON.parse(process.argv[2] ?? '{}') as EchoPorts;

async function serveTcp(port: number): Promise<void> {
  const server = createServer({ noDelay: true }, (socket) => {
    // A client that goes away in the middle is no concern of an echo.
    socket.on('error', () => socket.destroy());
    socket.pipe(socket);
  });
  server.listen({ host: '::', port });
  await once(server, 'listening');
}

async function serveUdp(port: number): Promise<void> {
  const socket = createSocket('udp6');
  socket.on('message', (message, from) => socket.send(message, from.port, from.address));
  socket.bind(port, '::');
  await once(socket, 'listening');
}

await Promise.all([...(ports.tcp ?? []).map(serveTcp), ...(ports.udp ?? []).map(serveUdp)]);
process.stdin.resume().once('end', () => process.exit());
process.stdout.write('ready\n');
