import { describe, expect, it } from 'vitest';
import { AttributedMember, noCounts } from './attributed-member.js';
import { Budget } from './budget.js';
import { MemberSets } from './member-sets.js';
import { memberOf } from './testing/member.js';

const members = Array.from({ length: 20 }, (_, number) => {
  const member = memberOf(`filter-${number}`, '');
  return new AttributedMember(number, member, noCounts(), new Budget(member.budget));
});
/** The numbers of the bits of a number: every combination there is. */
const numbersOf = (combination: number): Int32Array =>
  Int32Array.from([...members.keys()].filter((number) => (combination >> number) & 1));

describe('MemberSets', () => {
  it('finds the set of the same members again, whichever others there are', () => {
    const sets = new MemberSets();
    const find = (combination: number) => {
      const numbers = numbersOf(combination);
      return sets.find(members, 1, numbers, numbers.length);
    };
    const first = Array.from({ length: 10_000 }, (_, combination) => find(combination + 1));
    for (const [index, set] of first.entries()) {
      expect(set.members.map(({ number }) => number)).toEqual([...numbersOf(index + 1)]);
      expect(find(index + 1)).toBe(set);
    }
  });

  it('tells lists of members apart', () => {
    const sets = new MemberSets();
    const others = members.toReversed();
    const numbers = numbersOf(5);
    expect(sets.find(members, 1, numbers, 2).members).toEqual([members[0], members[2]]);
    expect(sets.find(others, 2, numbers, 2).members).toEqual([others[0], others[2]]);
  });

  it('never takes more than it may, whatever combinations there are and however long their blocks', () => {
    const sets = new MemberSets(100_000);
    for (let combination = 1; combination < 2 ** 14; combination++) {
      const numbers = numbersOf(combination);
      sets.find(members, 1, numbers, numbers.length).keepBlock(combination % 2 === 0, new Uint8Array(1000));
      expect(sets.bytes).toBeLessThanOrEqual(100_000);
    }
    expect(sets.bytes).toBeGreaterThan(0);
  });
});
