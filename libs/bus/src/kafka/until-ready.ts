import { BpfleetError } from '@bpfleet/errors';
import { pause } from '../retry-delay.js';
import { brokerErrorOf } from './kafka-errors.js';

/**
 * What the cluster answers while what it decided is on its way to the brokers. A broker names itself a partition's
 * leader, in KRaft, before it has become it, and no broker at all before the controller has heard from one.
 */
const NOT_YET: readonly string[] = [
  'UNKNOWN_TOPIC_OR_PARTITION',
  'LEADER_NOT_AVAILABLE',
  'NOT_LEADER_FOR_PARTITION',
  'NOT_CONTROLLER',
  'INVALID_REPLICATION_FACTOR',
];
const ASK_AGAIN_AFTER_MS = 20;

/**
 * Asks until the answer is another one than "not yet".
 * @throws BpfleetError `BUS_TIMEOUT` when it still is after `limitMs`; any other failure as it is, at once
 */
export async function untilReady<T>(what: string, limitMs: number, ask: () => Promise<T>): Promise<T> {
  const never = new AbortController().signal;
  const end = performance.now() + limitMs;
  for (;;) {
    try {
      return await ask();
    } catch (cause) {
      if (!isNotYet(cause)) throw cause;
      if (performance.now() >= end) {
        const said = brokerErrorOf(cause) ?? (cause as Error).message;
        throw new BpfleetError('BUS_TIMEOUT', `Kafka was not ready to ${what} within ${limitMs} ms: ${said}`, {
          cause,
        });
      }
    }
    await pause(ASK_AGAIN_AFTER_MS, never);
  }
}

function isNotYet(error: unknown): boolean {
  const name = brokerErrorOf(error);
  if (name !== undefined) return NOT_YET.includes(name);
  // kafkajs has no broker -1 when no controller is known, and drops an error to stumble over the answer it then has not.
  return error instanceof TypeError || (error instanceof Error && error.name === 'KafkaJSBrokerNotFound');
}
