import { describe, expect, it } from 'vitest';
import { ALL_BITS, between, complement, single } from '../ir/ranges.js';
import { all, any, excludes, FALSE, negate, TRUE, test } from './formula.js';
import { Symbols } from './symbols.js';

const symbols = new Symbols();
const word = symbols.load(undefined, 26, 4, 0);
const byte = symbols.load(undefined, 23, 1, 0);
const is = (value: number) => test(symbols, byte, ALL_BITS, single(value));

describe('test', () => {
  it('has one form for a network, asked by mask or by range', () => {
    const masked = symbols.binary('&', word, symbols.constant(0xff00_0000), 0);
    expect(test(symbols, masked, ALL_BITS, single(0x0a00_0000))).toEqual(
      test(symbols, word, ALL_BITS, between(0x0a00_0000, 0x0aff_ffff)),
    );
  });

  it('has one form for a bit, set or not clear', () => {
    expect(test(symbols, byte, 0x10, single(0x10))).toEqual(test(symbols, byte, 0x10, complement(single(0))));
  });

  it('knows how large a load can be', () => {
    expect(test(symbols, byte, ALL_BITS, single(0x100))).toBe(FALSE);
    expect(test(symbols, byte, ALL_BITS, between(0, 0xff))).toBe(TRUE);
  });
});

describe('formulas', () => {
  it('join questions about one number', () => {
    expect(any(symbols, [is(6), is(17)])).toEqual(
      negate(symbols, all(symbols, [negate(symbols, is(6)), negate(symbols, is(17))])),
    );
    expect(all(symbols, [is(6), is(17)])).toBe(FALSE);
  });

  it('are themselves again when denied twice', () => {
    const formula = all(symbols, [is(6), any(symbols, [test(symbols, word, 0xf, single(5)), is(17)])]);
    expect(negate(symbols, negate(symbols, formula))).toEqual(formula);
  });

  it('exclude each other by what is asked first alone, since a load behind it may be outside the packet', () => {
    const bits = test(symbols, word, 0xf, single(5));
    expect(excludes(all(symbols, [is(6), bits]), is(17))).toBe(true);
    expect(excludes(all(symbols, [bits, is(6)]), is(17))).toBe(false);
  });
});
