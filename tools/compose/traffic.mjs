// Something to capture: `traffic.mjs serve` answers HTTP and UDP as a host would, `traffic.mjs visit HOST…` asks those
// hosts again and again, a few packets a second. Both answer GET /healthz on their HTTP port.
import { createSocket } from 'node:dgram';
import { createServer, get } from 'node:http';

const HTTP_PORT = 8080;
const UDP_PORT = 8053;
const ROUND_MS = 250;
const ANSWER_BYTES = 600;
const MAX_DATAGRAM_BYTES = 512;
/** A visitor that reached every host within this time is healthy. */
const FRESH_MS = 10_000;

const [mode, ...hosts] = process.argv.slice(2);
if (mode === 'serve') serve();
else if (mode === 'visit' && hosts.length > 0) visit();
else {
  process.stderr.write('usage: traffic.mjs serve | visit HOST...\n');
  process.exitCode = 2;
}

function serve() {
  const server = createServer((request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain' });
    response.end(request.url === '/healthz' ? 'ok\n' : '.'.repeat(ANSWER_BYTES));
  }).listen(HTTP_PORT);
  const echo = createSocket('udp4');
  echo.on('message', (message, { address, port }) => echo.send(message.subarray(0, MAX_DATAGRAM_BYTES), port, address));
  echo.bind(UDP_PORT);
  onStop(() => {
    server.close();
    server.closeAllConnections();
    echo.close();
  });
}

function visit() {
  const reachedMs = new Map();
  const socket = createSocket('udp4');
  socket.on('error', () => {});
  const server = createServer((_, response) => {
    const stale = hosts.filter((host) => Date.now() - (reachedMs.get(host) ?? 0) > FRESH_MS);
    response.writeHead(stale.length === 0 ? 200 : 503).end(`${stale.length === 0 ? 'ok' : `no answer: ${stale}`}\n`);
  }).listen(HTTP_PORT, '127.0.0.1');
  const timer = setInterval(() => {
    for (const host of hosts) {
      const request = get({ host, port: HTTP_PORT, path: '/', agent: false, timeout: 2000 }, (response) => {
        response.resume();
        reachedMs.set(host, Date.now());
      });
      // A host that is away is seen by the health check; the next round tries again.
      request.on('error', () => {});
      request.on('timeout', () => request.destroy());
      socket.send(`ping ${Date.now()}`, UDP_PORT, host, () => {});
    }
  }, ROUND_MS);
  onStop(() => {
    clearInterval(timer);
    server.close();
    server.closeAllConnections();
    socket.close();
  });
}

function onStop(stop) {
  for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, stop);
}
