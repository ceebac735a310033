import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** Kafka protocol: request FindCoordinator, version 1, for a consumer group. */
const FIND_COORDINATOR = { apiKey: 10, version: 1, groupKey: 0 } as const;
/** Byte offset of `error_code` in the response, from its length field on: length, correlation id, throttle time. */
const ERROR_CODE_AT = 12;

/**
 * Waits until the broker serves consumer groups. To listen is not enough: it answers "coordinator not available" until
 * it has made its topic for offsets, which the first such question makes it do.
 */
export async function kafkaIsReady(host: string, port: number, timeoutMs: number): Promise<void> {
  const end = performance.now() + timeoutMs;
  for (let last: unknown = 'nothing'; performance.now() < end; await delay(50)) {
    try {
      last = `error ${await findCoordinator(host, port)}`;
      if (last === 'error 0') return;
    } catch (error) {
      last = error;
    }
    if (performance.now() + 50 >= end) throw new Error(`Kafka at ${host}:${port} is not ready`, { cause: last });
  }
}

async function findCoordinator(host: string, port: number): Promise<number> {
  const socket = connect({ host, port });
  socket.setTimeout(2_000, () => socket.destroy(new Error('no answer')));
  try {
    await once(socket, 'connect');
    socket.write(request('bpfleet-ready', 'test'));
    const [answer] = (await once(socket, 'data')) as [Buffer];
    return answer.readInt16BE(ERROR_CODE_AT);
  } finally {
    socket.on('error', () => undefined).destroy();
  }
}

function request(group: string, clientId: string): Buffer {
  const body = Buffer.alloc(17 + clientId.length + group.length);
  body.writeInt16BE(FIND_COORDINATOR.apiKey, 4);
  body.writeInt16BE(FIND_COORDINATOR.version, 6);
  body.writeInt32BE(1, 8); // correlation id
  let at = body.writeInt16BE(clientId.length, 12);
  at += body.write(clientId, at);
  at = body.writeInt16BE(group.length, at);
  at += body.write(group, at);
  body.writeInt8(FIND_COORDINATOR.groupKey, at);
  body.writeInt32BE(body.length - 4, 0);
  return body;
}
