import { allOf, joined } from '../../logic.js';
import type { Network4, PortRange } from '../../resolve/meaning.js';
import type { Ir, Load } from './ir.js';
import { equals, not, test } from './tests.js';

/** Any of these; there is at least one. */
export function any(found: readonly Ir[]): Ir {
  const [first, ...more] = found;
  if (first === undefined) throw new RangeError('a term that is looked for nowhere');
  return joined('or', first, more);
}

/** Whether the field is in one of the networks. Those with one mask stand together, so that it is applied once. */
export function inNetworks(field: Load, networks: readonly Network4[]): Ir {
  const sorted = [...groupBy(networks, ({ mask }) => mask).values()].flat();
  return any(sorted.map(({ address, mask }) => equals(field, (address & mask) >>> 0, mask)));
}

export function inRanges(field: Load, ranges: readonly PortRange[]): Ir {
  return any(
    ranges.map(({ from, to }) =>
      from === to ? equals(field, from) : allOf(test(field, 'ge', from), not(test(field, 'gt', to))),
    ),
  );
}

/** One word of a longer value: where it stands, and what it must be under which mask. */
export interface Word extends Network4 {
  readonly field: Load;
}

/**
 * Whether a value of several words is one of a list. Values that begin alike share the test of their beginning, so a list
 * of hosts in one network asks for the network once.
 */
export function isOneOf(values: readonly (readonly Word[])[]): Ir {
  const groups = groupBy(values, ([word]) => `${word?.mask} ${word?.address}`);
  return any(
    [...groups.values()].map((group) => {
      const word = group[0]?.[0];
      if (word === undefined) throw new RangeError('a value without words');
      const first = equals(word.field, word.address, word.mask);
      const tails = group.map((value) => value.slice(1));
      return tails.some((tail) => tail.length === 0) ? first : allOf(first, isOneOf(tails));
    }),
  );
}

/** In the order in which the groups first appear. */
function groupBy<Item, Key>(items: readonly Item[], keyOf: (item: Item) => Key): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return groups;
}
