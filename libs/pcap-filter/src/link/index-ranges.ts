import { BpfleetError } from '@bpfleet/errors';

/** Interfaces that a program is for, by their indexes. */
interface OnInterfaces {
  readonly interfaces: readonly number[];
}

/** From this number up to the next range's, all lead to one place. */
export interface IndexRange<Place> {
  readonly from: number;
  readonly place: Place;
}

/**
 * In order of their lowest indexes, each with its own in order.
 * @throws BpfleetError `REQUEST_INVALID` for an index that stands twice
 */
export function inOrder<T extends OnInterfaces>(branches: readonly T[]): T[] {
  const seen = new Set<number>();
  const isTwice = (index: number): boolean => seen.size === seen.add(index).size;
  const twice = branches.flatMap(({ interfaces }) => interfaces).find(isTwice);
  if (twice !== undefined) throw new BpfleetError('REQUEST_INVALID', `interface ${twice} stands twice`);
  return branches
    .map((branch) => ({ ...branch, interfaces: [...branch.interfaces].sort((one, other) => one - other) }))
    .filter(({ interfaces }) => interfaces.length > 0)
    .sort((one, other) => one.interfaces[0]! - other.interfaces[0]!);
}

/** All numbers there are, in ranges of one place each. */
export function rangesOf<Place>(
  indexes: readonly { readonly index: number; readonly place: Place }[],
  elsewhere: Place,
): IndexRange<Place>[] {
  const ranges: IndexRange<Place>[] = [{ from: 0, place: elsewhere }];
  const go = (from: number, place: Place): void => {
    if (ranges.at(-1)!.from === from) ranges.pop();
    if (ranges.at(-1)?.place !== place) ranges.push({ from, place });
  };
  for (const { index, place } of [...indexes].sort((one, other) => one.index - other.index)) {
    go(index, place);
    go(index + 1, elsewhere);
  }
  return ranges;
}
