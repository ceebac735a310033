import fc from 'fast-check';
import { expect, it } from 'vitest';
import { hasSlot, noSlots, slotsIn, unite } from './slot-set.js';

const slot = fc.oneof(fc.integer({ min: 0, max: 70 }), fc.constantFrom(31, 32, 63, 64, 1000));
const slots = fc.uniqueArray(slot, { maxLength: 12 });
const setOf = (list: readonly number[]) => unite(noSlots, noSlots, undefined, list);
const ascending = (list: Iterable<number>) => [...list].sort((a, b) => a - b);

it('holds the slots that were put in', () => {
  fc.assert(
    fc.property(slots, slot, (list, one) => {
      expect(slotsIn(setOf(list))).toEqual(ascending(list));
      expect(hasSlot(setOf(list), one)).toBe(list.includes(one));
    }),
  );
});

it('unites two sets, takes one out, and then puts some in', () => {
  fc.assert(
    fc.property(slots, slots, fc.option(slot, { nil: undefined }), slots, (a, b, removed, added) => {
      const [one, other] = [setOf(a), setOf(b)];
      const expected = new Set([...a, ...b]);
      if (removed !== undefined) expected.delete(removed);
      for (const each of added) expected.add(each);
      expect(slotsIn(unite(one, other, removed, added))).toEqual(ascending(expected));
      // What was united stays as it was.
      expect([slotsIn(one), slotsIn(other)]).toEqual([ascending(a), ascending(b)]);
    }),
  );
});
