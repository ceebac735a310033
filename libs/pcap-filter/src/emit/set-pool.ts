import { complement, isSame, type Ranges } from '../ir/ranges.js';

/** From so many ranges on a set is a map: a tree is found through faster, but takes two instructions for each. */
const LEAST_RANGES = 512;

/** The sets of one program that become maps; equal ones are one. */
export class SetPool {
  readonly sets: Ranges[] = [];

  /** The set's number and whether it is the opposite that stands there; undefined where a tree does. */
  setOf(within: Ranges): { readonly number: number; readonly isOpposite: boolean } | undefined {
    if (within.length < 2 * LEAST_RANGES) return undefined;
    // Of a list that is denied the values themselves stand in the map, not all the others.
    const isOpposite = within[0] === 0 && within.at(-1) === 0xffff_ffff;
    const ranges = isOpposite ? complement(within) : within;
    const known = this.sets.findIndex((set) => isSame(set, ranges));
    return { number: known >= 0 ? known : this.sets.push(ranges) - 1, isOpposite };
  }
}
