import { expect, it } from 'vitest';
import { GrownGarbage } from './grown-garbage.js';

const MIB = 1024 * 1024;

/** At which seconds it asks for a collection that leaves 100 MiB. */
function collections(seconds: number, bytesEachSecond: number): number[] {
  const garbage = new GrownGarbage();
  const at: number[] = [];
  let bytes = 100 * MIB;
  for (let second = 1; second <= seconds; second++) {
    if (garbage.second(bytes)) {
      at.push(second);
      bytes = 100 * MIB;
    } else bytes += bytesEachSecond;
  }
  return at;
}

it('is collected when it has grown by a few MiB, once a minute at most, and never where nothing grows', () => {
  expect(collections(300, 2 * MIB)).toEqual([60, 120, 180, 240, 300]);
  expect(collections(300, MIB / 8)).toEqual([98, 196, 294]);
  expect(collections(3000, 0)).toEqual([]);
});

it('counts from a collection that was made for another reason', () => {
  const garbage = new GrownGarbage();
  for (let second = 0; second < 59; second++) garbage.second(100 * MIB);
  garbage.collected();
  expect(garbage.second(150 * MIB)).toBe(false);
  for (let second = 0; second < 100; second++) expect(garbage.second(150 * MIB)).toBe(false);
});
