import { describe, expect, it } from 'vitest';
import { explainExpression } from './explain-expression.js';

const matches = (expression: string) => explainExpression(expression).matches;

describe('explainExpression', () => {
  it('says what was joined first deepest', () => {
    expect(matches('tcp or udp and greater 100')).toEqual([
      'the packet all of these hold:',
      expect.stringMatching(/^ {2}- any of these holds:$/),
      expect.stringMatching(/^ {4}- /),
      expect.stringMatching(/^ {4}- /),
      expect.stringMatching(/^ {2}- .*100/),
    ]);
  });

  it('keeps the order of the text where “and” and “or” take turns a hundred times', () => {
    const found = matches(`${'port 1 and arp or '.repeat(100)}ip`);
    expect(found).toHaveLength(202);
    expect(found.slice(0, 4)).toEqual([
      'the packet is asked from left to right, each answer with the next:',
      expect.stringMatching(/^ {2}\S/),
      expect.stringMatching(/^ {2}and /),
      expect.stringMatching(/^ {2}or /),
    ]);
  });
});
