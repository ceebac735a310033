import { describe, expect, it } from 'vitest';
import { mostThatFit } from './most-that-fit.js';

describe('mostThatFit', () => {
  it('finds the most that fit, of any number', () => {
    for (let count = 0; count < 40; count++)
      for (let room = 0; room < 42; room++)
        expect(mostThatFit(count, 0, (few) => few <= room)).toBe(Math.min(count, room));
  });

  it('tries all at once first, then halves', () => {
    const tried: number[] = [];
    const most = (room: number) => mostThatFit(300, 1, (few) => tried.push(few) > 0 && few <= room);
    most(300);
    expect(tried.splice(0)).toEqual([300]);
    most(7);
    expect(tried.length).toBeLessThanOrEqual(10);
  });

  it('does not try what is known to fit', () => {
    expect([mostThatFit(1, 1, () => false), mostThatFit(5, 1, () => false)]).toEqual([1, 1]);
  });
});
