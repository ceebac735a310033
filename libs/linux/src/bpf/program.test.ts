import { constants } from 'node:os';
import { describe, expect, it } from 'vitest';
import { untilUndisturbed } from './program.js';

const { EAGAIN, EACCES } = constants.errno;

describe('loading a program', () => {
  /** Fails with these numbers, one after the other, then gives descriptor 7. */
  function load(...failures: readonly number[]) {
    let calls = 0;
    const result = untilUndisturbed(
      () => (calls++ < failures.length ? -1 : 7),
      () => failures[calls - 1]!,
    );
    return { result, calls };
  }

  it('is tried again when a signal came meanwhile', () => {
    expect(load(EAGAIN, EAGAIN)).toEqual({ result: 7, calls: 3 });
  });

  it('is not tried for ever, nor where the kernel says no', () => {
    expect(load(...Array<number>(9).fill(EAGAIN))).toEqual({ result: -1, calls: 5 });
    expect(load(EACCES)).toEqual({ result: -1, calls: 1 });
  });
});
