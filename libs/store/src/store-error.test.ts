import { BpfleetError } from '@bpfleet/errors';
import { describe, expect, it } from 'vitest';
import { storeError } from './store-error.js';

const withCode = (code: string) => Object.assign(new Error('x'), { code });

describe('storeError', () => {
  it.each([
    ['no server', withCode('ECONNREFUSED')],
    ['a server that shuts down', withCode('57P01')],
    ['a server that replays its log', withCode('57P03')],
    ['a lock that another holds', withCode('55P03')],
    ['a full disk', withCode('53100')],
    ['a connection on which no answer comes', new Error('Query read timeout')],
    ['a connection that broke', new Error('Connection terminated unexpectedly')],
  ])('says STORE_UNAVAILABLE of %s', (_, error) => {
    expect(storeError(error)).toMatchObject({ code: 'STORE_UNAVAILABLE', cause: error });
  });
  it('says QUERY_TIMEOUT of a statement that took longer than it may', () => {
    const error = withCode('57014');
    expect(storeError(error)).toMatchObject({ code: 'QUERY_TIMEOUT', cause: error });
  });
  it.each([
    ['a mistake in a statement', withCode('42601')],
    ['an error of ours', new BpfleetError('FENCED', 'x')],
    ['what is no error', undefined],
  ])('leaves %s as it is', (_, error) => {
    expect(storeError(error)).toBe(error);
  });
});
