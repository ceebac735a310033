import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { BpfleetError } from '@bpfleet/errors';
import { toProblem } from './problem.js';

/** Nothing of a request's body has come for so long: its sender is taken for gone. */
const BODY_IDLE_MS = 60_000;

/**
 * Ends requests whose bodies stand still, in place of Node's limit of 5 minutes on each as a whole (`requestTimeout`):
 * a file of many gigabytes takes its time. Headers keep their own limit (`headersTimeout`, 60 s).
 */
export function endIdleRequests(server: Server, idleMs = BODY_IDLE_MS): void {
  server.requestTimeout = 0;
  server.on('request', (request, response) => {
    if (hasBody(request)) watch(request, response, idleMs);
  });
}

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

/** By the socket's timeout: each byte that comes begins it anew. */
function watch(request: IncomingMessage, response: ServerResponse, idleMs: number): void {
  const { socket } = request;
  const onIdle = () => {
    const { bytesRead } = socket;
    // What came while this process was busy is read only behind its timers.
    setImmediate(() => {
      if (request.complete || request.destroyed) return;
      // Bytes that wait: it is we who do not read, and its sender could not send.
      if (request.readableLength > 0 || socket.bytesRead > bytesRead) socket.setTimeout(idleMs);
      else refuse(request, response, idleMs);
    });
  };
  socket.setTimeout(idleMs);
  request.on('timeout', onIdle);
  // What comes after is our answer, which has limits of its own.
  request.once('end', () => {
    request.off('timeout', onIdle);
    socket.setTimeout(0);
  });
}

function refuse(request: IncomingMessage, response: ServerResponse, idleMs: number): void {
  if (response.headersSent) {
    request.destroy();
    return;
  }
  const error = new BpfleetError('REQUEST_INVALID', `nothing came of the request for ${idleMs / 1000} s`, {
    hint: 'send it again; what sends it must not pause for so long',
  });
  response.writeHead(408, { 'content-type': 'application/problem+json', connection: 'close' });
  // Whoever still waits for the rest learns that it does not come.
  response.end(JSON.stringify(toProblem(error, 408)), () => request.destroy());
}
