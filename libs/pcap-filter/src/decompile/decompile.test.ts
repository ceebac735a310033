import { assemble } from '@bpfleet/bpf';
import { describe, expect, it } from 'vitest';
import { compile } from '../compile.js';
import { decompile } from './decompile.js';

describe('decompile', () => {
  it.each([
    ['ret #-1', ''],
    ['ret #0', 'len < 0'],
    ['ldb [0]\nret a', 'link[0] != 0'],
    ['ldh [12]\njge #0x600, y, n\ny: ret #-1\nn: ret #0', 'link[12:2] >= 0x600'],
    [
      'ld #pktlen\nldx M[0]\nret #1',
      'the kernel refuses it: memory-uninitialised: M[0] is read where it may not be stored',
    ],
  ])('says %j as %j', (text, expected) => {
    const answer = decompile(assemble(text));
    expect('refusal' in answer ? answer.refusal.reason : answer.expression).toBe(expected);
  });

  it('finds the same condition in the plain and the optimised program', () => {
    const [plain, optimised] = [false, true].map((optimize) =>
      decompile(compile('tcp dst port 80', { optimize }).program),
    );
    expect(plain).toEqual(optimised);
  });
});
