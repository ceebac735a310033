import { describe, expect, it } from 'vitest';
import { explanationLines } from './explanation-lines.js';

describe('explanationLines', () => {
  it.each([
    ['', 'yes', '(every packet): matches'],
    ['port 9 or 80', 'yes', 'port 9 or 80: matches; its terms are too many to show each'],
    ['port 9 or 7', 'no', 'port 9 or 7: does not match; its terms are too many to show each'],
    ['wlan type mgt', 'undecided', 'wlan type mgt: cannot be decided by the stored bytes'],
  ] as const)('says of “%s” without its terms: %s', (expression, verdict, said) => {
    expect(explanationLines([{ expression, verdict, terms: [] }])).toBe(`the expression asked about: ${said}\n`);
  });
});
