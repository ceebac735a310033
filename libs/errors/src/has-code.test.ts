import { describe, expect, it } from 'vitest';
import { BpfleetError } from './bpfleet-error.js';
import { hasCode } from './has-code.js';

describe('hasCode', () => {
  it.each([
    ['that code', new BpfleetError('FENCED', 'another owner'), true],
    ['another code of ours', new BpfleetError('INTERNAL', 'another owner'), false],
    ['an error of the system with a code of that name', Object.assign(new Error('x'), { code: 'FENCED' }), false],
    ['no error', undefined, false],
  ])('tells %s', (_name, error, expected) => {
    expect(hasCode(error, 'FENCED')).toBe(expected);
  });
});
