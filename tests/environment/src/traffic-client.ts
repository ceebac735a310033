import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, isIPv6 } from 'node:net';
import type { Exchange } from './traffic.js';

/**
 * A process that talks to echo servers, one exchange after the other, and ends: `node traffic-client.js '[{…}]'`.
 * Fails when an answer is not what was sent, or does not come.
 */
const exchanges = JSON.parse(process.argv[2] ?? '[]') as Exchange[];

/** On virtual cables nothing is lost; an answer that takes longer does not come. */
const answerTimeoutMs = 10_000;
const deadline = () => ({ signal: AbortSignal.timeout(answerTimeoutMs) });

async function talkTcp(exchange: Exchange): Promise<void> {
  const socket = connect({ host: exchange.address, port: exchange.port, ...from(exchange), noDelay: true });
  socket.setTimeout(answerTimeoutMs, () => socket.destroy(new Error(`no answer within ${answerTimeoutMs} ms`)));
  await once(socket, 'connect', deadline());
  // An iterator keeps what comes between two waits; a listener for one event would lose it.
  const chunks: AsyncIterator<Buffer> = socket[Symbol.asyncIterator]();
  for (const message of messages(exchange)) {
    socket.write(message);
    for (let answered = 0; answered < message.length; ) {
      const { value: chunk, done } = await chunks.next();
      if (done) throw new Error(`the connection was closed after ${answered} of ${message.length} bytes`);
      verify(chunk, message.subarray(answered, answered + chunk.length));
      answered += chunk.length;
    }
  }
  socket.end();
  // The end of the other side, which makes this one close.
  await chunks.next();
}

async function talkUdp(exchange: Exchange): Promise<void> {
  const socket = createSocket(isIPv6(exchange.address) ? 'udp6' : 'udp4');
  socket.bind(exchange.localPort ?? 0);
  await once(socket, 'listening');
  for (const message of messages(exchange)) {
    const answered = once(socket, 'message', deadline());
    socket.send(message, exchange.port, exchange.address);
    const [answer] = (await answered) as [Buffer];
    verify(answer, message);
  }
  socket.close();
}

const from = ({ localPort }: Exchange) => (localPort === undefined ? {} : { localPort });

function* messages({ messages = 1, messageBytes = 32 }: Exchange): Generator<Buffer> {
  for (let number = 0; number < messages; number++) yield Buffer.alloc(messageBytes, `message ${number} `);
}

function verify(answer: Buffer, message: Buffer): void {
  if (!answer.equals(message)) throw new Error(`the echo is not what was sent: ${answer.length} bytes`);
}

for (const exchange of exchanges) {
  await (exchange.protocol === 'tcp' ? talkTcp(exchange) : talkUdp(exchange));
}
