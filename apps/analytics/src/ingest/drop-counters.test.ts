import { describe, expect, it } from 'vitest';
import { DropCounters } from './drop-counters.js';

/** What is counted for sections `[agent, epoch, seq, kernel-dropped]`, one after the other. */
function counted(...sections: readonly [string, number, number, string | undefined][]): number[] {
  const drops = new DropCounters();
  return sections.map(([agent, epoch, seq, dropped]) =>
    drops.since({ agent, epoch, seq }, { ledger: dropped === undefined ? undefined : { 'kernel-dropped': dropped } }),
  );
}

describe('DropCounters', () => {
  it('counts from the beginning of an epoch', () => {
    expect(counted(['a', 1, 0, '5'], ['a', 1, 1, '5'], ['a', 1, 2, '9'], ['a', 2, 0, '3'])).toEqual([5, 0, 4, 3]);
  });
  it('does not guess what came before the first section it sees', () => {
    expect(counted(['a', 1, 7, '500'], ['a', 1, 8, '501'])).toEqual([0, 1]);
  });
  it('counts a redelivered section once', () => {
    expect(counted(['a', 1, 0, '5'], ['a', 1, 1, '7'], ['a', 1, 0, '5'], ['a', 1, 1, '7'], ['a', 1, 2, '8'])).toEqual([
      5, 2, 0, 0, 1,
    ]);
  });
  it('goes on in the newer epoch when a section of an older one comes late', () => {
    expect(counted(['a', 2, 0, '5'], ['a', 1, 9, '100'], ['a', 2, 1, '6'])).toEqual([5, 0, 1]);
  });
  it('keeps agents apart', () => {
    expect(counted(['a', 1, 0, '5'], ['b', 1, 0, '2'], ['a', 1, 1, '6'], ['b', 1, 1, '2'])).toEqual([5, 2, 1, 0]);
  });
  it.each([undefined, '', '-1', '1e9', '99999999999999999999'])('counts nothing for a ledger that says %s', (text) => {
    expect(counted(['a', 1, 0, text])).toEqual([0]);
  });
});
