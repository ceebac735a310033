import { describe, expect, it } from 'vitest';
import { untilReady } from './until-ready.js';

/** Answers each question with the next of these; errors are thrown. */
function answers(...all: unknown[]): () => Promise<unknown> {
  return async () => {
    const answer = all.shift();
    if (answer instanceof Error) throw answer;
    return answer;
  };
}

/** As kafkajs makes them of a broker's answer. */
function brokerError(type: string): Error {
  return Object.assign(new Error(type), { name: 'KafkaJSProtocolError', type });
}

/** kafkajs's own, for requests about several topics. */
function allOf(...errors: Error[]): Error {
  return Object.assign(new Error('Topic creation errors'), { name: 'KafkaJSAggregateError', errors });
}

/** kafkajs's own, for a broker that is not in the metadata. */
function noBroker(): Error {
  return Object.assign(new Error('Broker -1 not found in the cached metadata'), { name: 'KafkaJSBrokerNotFound' });
}

describe('untilReady', () => {
  it.each([
    ['the topic is not known to the broker', brokerError('UNKNOWN_TOPIC_OR_PARTITION')],
    ['a partition has no leader', brokerError('LEADER_NOT_AVAILABLE')],
    ['a partition’s leader does not know that it is', brokerError('NOT_LEADER_FOR_PARTITION')],
    ['all brokers wait to be let in', allOf(brokerError('INVALID_REPLICATION_FACTOR'))],
    ['no controller is known', noBroker()],
    ['kafkajs wraps the answer', new Error('no more retries', { cause: brokerError('NOT_CONTROLLER') })],
    ['kafkajs stumbles over an answer it dropped', new TypeError('null has no topicMetadata')],
  ])('asks again while %s', async (_, notYet) => {
    expect(await untilReady('serve t', 10_000, answers(notYet, notYet, 'ready'))).toBe('ready');
  });

  it('passes any other failure on at once', async () => {
    const refused = brokerError('TOPIC_AUTHORIZATION_FAILED');
    await expect(untilReady('serve t', 10_000, answers(refused, 'ready'))).rejects.toBe(refused);
  });

  it('gives up at its limit, and says what the last answer was', async () => {
    const notYet = brokerError('INVALID_REPLICATION_FACTOR');
    await expect(untilReady('make a topic', 0, answers(notYet, 'ready'))).rejects.toMatchObject({
      code: 'BUS_TIMEOUT',
      message: 'Kafka was not ready to make a topic within 0 ms: INVALID_REPLICATION_FACTOR',
      cause: notYet,
    });
  });
});
