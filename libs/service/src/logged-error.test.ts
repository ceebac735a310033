import { BpfleetError } from '@bpfleet/errors';
import { describe, expect, it } from 'vitest';
import { loggedError } from './logged-error.js';

const named = (name: string, message: string) => Object.assign(new Error(message), { name });

describe('an error in the log', () => {
  it.each([
    ['of ours', new BpfleetError('BUS_TIMEOUT', 'late'), 'BUS_TIMEOUT'],
    ['of the system', Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }), 'ECONNREFUSED'],
    ['of a broker that hung up', named('KafkaJSConnectionClosedError', 'Closed connection'), expect.any(String)],
    ['of a broker that is late', named('KafkaJSRequestTimeoutError', 'Request timed out'), expect.any(String)],
    [
      ...([
        'of one that was tried again',
        new Error('x', { cause: named('KafkaJSConnectionError', 'timeout') }),
      ] as const),
      expect.any(String),
    ],
  ])('has no stack: %s', (_, error, code) => {
    const logged = loggedError(error);
    expect(logged).toMatchObject({ code });
    expect(logged).not.toHaveProperty('stack');
  });

  it.each([new TypeError('x is undefined'), named('KafkaJSNonRetriableError', 'x is undefined')])(
    'has one where it may be a defect: %s',
    (error) => expect(loggedError(error)).toHaveProperty('stack'),
  );
});
