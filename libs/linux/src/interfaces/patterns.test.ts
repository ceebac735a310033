import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchesPatterns } from './patterns.js';

describe('matchesPatterns', () => {
  it.each<[what: string, patterns: string[], name: string, expected: boolean]>([
    ['a name means itself', ['eth0'], 'eth0', true],
    ['a name does not mean what begins with it', ['eth0'], 'eth01', false],
    ['a star means every interface', ['*'], 'wg0', true],
    ['a star at the end matches a family', ['eth*'], 'eth12', true],
    ['a star matches nothing too', ['eth*'], 'eth', true],
    ['a star in the middle', ['en*f1'], 'enp3s0f1', true],
    ['an end that is not there', ['en*f1'], 'enp3s0f0', false],
    ['the end may not overlap the beginning', ['ab*ba'], 'aba', false],
    ['several stars find their pieces in order', ['*p*s*'], 'enp3s0', true],
    ['several stars, pieces in the wrong order', ['*s*p*'], 'enp3s0', false],
    ['a dot is a dot', ['eth0.1'], 'eth0x1', false],
    ['an exclusion wins over a match', ['*', '!lo'], 'lo', false],
    ['an exclusion wins wherever it stands', ['!lo', '*'], 'lo', false],
    ['exclusions leave the rest of a match', ['*', '!lo', '!docker*'], 'eth0', true],
    ['only exclusions mean everything else', ['!lo'], 'eth0', true],
    ['only exclusions exclude', ['!lo'], 'lo', false],
    ['no pattern means no interface', [], 'eth0', false],
  ])('%s', (_, patterns, name, expected) => {
    expect(matchesPatterns(patterns, name)).toBe(expected);
  });

  it('agrees with the regular expression a glob stands for', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 8 });
    fc.assert(
      fc.property(text, fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 10 }), (pattern, name) => {
        expect(matchesPatterns([pattern], name)).toBe(new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(name));
      }),
    );
  });
});
