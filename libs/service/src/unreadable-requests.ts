import type { Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Problem } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { MOST_HEADER_BYTES } from './long-headers.js';
import { toProblem } from './problem.js';

/** How long the rest of a refused request is read and thrown away. */
const LINGER_MS = 2_000;

/** Answers requests that no handler sees, because Node cannot read them, with a problem; Node's own answers have no body. */
export function answerUnreadableRequests(server: Server, lingerMs = LINGER_MS): void {
  const answers = new WeakMap<Duplex, ServerResponse>();
  const refused = new WeakSet<Duplex>();
  server.on('request', ({ socket }, response) => answers.set(socket, response));
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // Told again for each piece of the rest.
    if (refused.has(socket)) return;
    const last = answers.get(socket);
    const isAnswering = last?.headersSent && !last.writableFinished;
    if (error.code === 'ECONNRESET' || !socket.writable || isAnswering) {
      socket.destroy();
      return;
    }
    refused.add(socket);
    socket.end(written(problemOf(error, server)));
    // Closed with bytes unread, TCP resets the connection, and the sender may never see the answer (RFC 9112, 9.6).
    setTimeout(() => socket.destroy(), lingerMs).unref();
  });
}

function problemOf({ code, message }: NodeJS.ErrnoException, { headersTimeout }: Server): Problem {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW': {
      const detail = `the URL and the headers are longer than the server takes: ${MOST_HEADER_BYTES} bytes`;
      return refusal(431, detail, 'write a shorter expression (net 10.0.0.0/8 for many hosts)');
    }
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return refusal(413, 'the extensions of a chunk are longer than the server takes');
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return refusal(408, `the headers did not come within ${headersTimeout / 1000} s`);
    default:
      return refusal(400, `what came is no HTTP request: ${message}`);
  }
}

const refusal = (status: number, detail: string, hint?: string): Problem =>
  toProblem(new BpfleetError('REQUEST_INVALID', detail, hint === undefined ? {} : { hint }), status);

/** There is no `ServerResponse` without a request. */
function written(problem: Problem): string {
  const body = JSON.stringify(problem);
  const headers = `content-type: application/problem+json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close`;
  return `HTTP/1.1 ${problem.status} ${problem.title}\r\n${headers}\r\n\r\n${body}`;
}
