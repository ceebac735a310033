import { describe, expect, it } from 'vitest';
import { alternate, median } from './alternate.js';

describe('alternate', () => {
  it('compares within pairs, in changing order, after one pair to warm up', async () => {
    const order: string[] = [];
    const round = (name: string, figures: number[]) => async () => {
      order.push(name);
      return figures.shift()!;
    };
    const ours = round('ours', [0, 10, 30, 50]);
    const peer = round('peer', [0, 20, 30, 40]);
    expect(await alternate(ours, peer, 0)).toEqual({ value: 30, peer: 30, ratio: 1, spread: [0.5, 1.25], n: 3 });
    expect(order).toEqual(['peer', 'ours', 'ours', 'peer', 'peer', 'ours', 'ours', 'peer']);
  });
});

describe('median', () => {
  it.each([
    [[3, 1, 2], 2],
    [[4, 1, 2, 3], 2.5],
    [[7], 7],
  ])('of %j is %d', (values, expected) => {
    expect(median(values)).toBe(expected);
  });
});
