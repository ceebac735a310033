import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ethernet, ipv4, ipv6, ports } from '../../../../tests/conformance/ir/layers.js';
import { conditionsOf, holdsFor } from '../../../../tests/conformance/ir/lowered.js';

/** A calculation as text, and what it is over the bytes 0…63 at `link[n]`; undefined: it divides by 0. */
interface Calculated {
  readonly text: string;
  readonly value: bigint | undefined;
  readonly isConstant: boolean;
}
const MODULO = 1n << 32n;
const frame = Array.from({ length: 64 }, (_, index) => (index * 37 + 11) & 0xff);

const constant = fc
  .constantFrom(0, 1, 2, 5, 31, 0xff, 0xffff, 0xffff_ffff)
  .map((number) => ({ text: `${number}`, value: BigInt(number), isConstant: true }));
const field = fc.tuple(fc.integer({ min: 0, max: 60 }), fc.constantFrom(1, 2, 4)).map(([offset, size]) => {
  const value = frame.slice(offset, offset + size).reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  return { text: `link[${offset}:${size}]`, value, isConstant: false };
});
const length = fc.constant({ text: 'len', value: 64n, isConstant: false });

const operators = ['+', '-', '*', '/', '%', '&', '|', '^', '<<', '>>'] as const;
function calculate(operator: (typeof operators)[number], a: bigint, b: bigint): bigint | undefined {
  switch (operator) {
    case '+':
      return (a + b) % MODULO;
    case '-':
      return (a - b + MODULO) % MODULO;
    case '*':
      return (a * b) % MODULO;
    case '/':
      return b === 0n ? undefined : a / b;
    case '%':
      return b === 0n ? undefined : a % b;
    case '&':
      return a & b;
    case '|':
      return a | b;
    case '^':
      return a ^ b;
    case '<<':
      return (a << (b & 31n)) % MODULO;
    case '>>':
      return a >> (b & 31n);
  }
}
const { calculation } = fc.letrec<{ calculation: Calculated }>((tie) => ({
  calculation: fc.oneof(
    { maxDepth: 3 },
    { weight: 3, arbitrary: field },
    { weight: 1, arbitrary: constant },
    { weight: 1, arbitrary: length },
    {
      weight: 3,
      arbitrary: fc
        .tuple(tie('calculation'), fc.constantFrom(...operators), tie('calculation'))
        .map(([a, operator, b]) => ({
          text: `(${a.text} ${operator} ${b.text})`,
          value: a.value === undefined || b.value === undefined ? undefined : calculate(operator, a.value, b.value),
          isConstant: a.isConstant && b.isConstant,
        })),
    },
  ),
}));

const relations: Readonly<Record<string, (a: bigint, b: bigint) => boolean>> = {
  '=': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
};

describe('relations', () => {
  it('compare as numbers without a sign, calculated modulo 2^32', () => {
    const property = fc.property(calculation, fc.constantFrom(...Object.keys(relations)), calculation, (a, sign, b) => {
      let found: boolean;
      try {
        found = holdsFor(`${a.text} ${sign} ${b.text}`, frame);
      } catch (error) {
        // A constant division by 0 or distance above 31 is refused.
        expect(String(error)).toMatch(/division by zero|shift by/);
        return;
      }
      const expected = a.value !== undefined && b.value !== undefined && relations[sign]?.(a.value, b.value);
      expect(found).toBe(expected);
    });
    fc.assert(property, { numRuns: 3000 });
  });

  it.each([
    ['ip[0] & 0xf0 = 0x40', '( [12:2] == 0x800 and ([14:1] & 0xf0) == 0x40 )'],
    ['7 < len', 'len in {0x8-}'],
    ['len < 0', 'len in {}'],
    ['len > 0xffffffff', 'len in {}'],
    ['3 + 4 = 7', 'always'],
    ['link[0] < link[1]', 'not [0:1] >= [1:1]'],
    ['link[0] >= link[1]', '[0:1] >= [1:1]'],
    ['len != link[1]', 'not len == [1:1]'],
    ['link[link[3] + 2:2] = 1', '[([3:1] + 0x2) + 0:2] == 0x1'],
  ])('are conditions: %s', (text, conditions) => {
    expect(conditionsOf(text)).toBe(conditions);
  });

  it('read a field in those packets only that have it', () => {
    const [tcp4, tcp6] = [
      ethernet(0x0800, ipv4({ headerWords: 7 }, ports(1, 80))),
      ethernet(0x86dd, ipv6({}, ports(1, 80))),
    ];
    const later = ethernet(0x0800, ipv4({ fragmentOffset: 1 }, ports(1, 80)));
    const udp = ethernet(0x0800, ipv4({ protocol: 17 }, ports(1, 80)));
    expect([tcp4, tcp6, later, udp].map((frames) => holdsFor('tcp[2:2] = 80', frames))).toEqual([
      true,
      false,
      false,
      false,
    ]);
    expect([tcp4, tcp6].map((frames) => holdsFor('tcp[2:2] = 80', frames, { ipv6ExtensionHeaders: 1 }))).toEqual([
      true,
      true,
    ]);
    expect([tcp4, tcp6].map((frames) => holdsFor('ip6[6] = 6', frames))).toEqual([false, true]);
    expect(holdsFor('not tcp[2:2] = 80', udp)).toBe(true);
  });
  it('ask for the left operand’s packet only, as libpcap', () => {
    const udp = ethernet(0x0800, ipv4({ protocol: 17 }, ports(1, 80)));
    expect(holdsFor('ip[0] + tcp[3] = 0x45 + 80', udp)).toBe(true);
    expect(holdsFor('tcp[3] + ip[0] = 0x45 + 80', udp)).toBe(false);
  });
  it.each([
    ['radio[0] = 1', /no radio information on Ethernet/],
    ['ip[0] / 0 = 1', /division by zero/],
    ['ip[0] << 32 = 1', /a shift by 32/],
  ])('are refused: %s', (text, message) => {
    expect(() => conditionsOf(text)).toThrow(message);
  });
});
