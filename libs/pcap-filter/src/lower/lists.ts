import type { Ir, Load } from '../ir/ir.js';
import { ALL_BITS, rangesOf } from '../ir/ranges.js';
import { allOf, anyOf, joined } from '../logic.js';
import type { Network4 } from '../resolve/meaning.js';
import { atLeast, equals, isIn, not } from './conditions.js';

/** Networks as one set of ranges, and apart from it those whose masks have holes. */
export interface AddressSet {
  readonly ranges: ReturnType<typeof rangesOf>;
  readonly holed: readonly Network4[];
}

export function addressSetOf(networks: readonly Network4[]): AddressSet {
  const whole: { from: number; to: number }[] = [];
  const holed: Network4[] = [];
  for (const network of networks) {
    const { address, mask } = network;
    const hostBits = ~mask >>> 0;
    // A mask without holes: what it leaves out is 2^n - 1.
    if ((hostBits & (hostBits + 1)) === 0) whole.push({ from: (address & mask) >>> 0, to: (address | hostBits) >>> 0 });
    else holed.push(network);
  }
  return { ranges: rangesOf(whole), holed };
}

/** Whether the field is in one of the networks. */
export function inAddressSet(field: Load, { ranges, holed }: AddressSet): Ir {
  if (holed.length === 0) return isIn(field, ranges);
  const parts = holed.map(({ address, mask }) => equals(field, (address & mask) >>> 0, mask));
  return joined('or', ranges.length > 0 ? [isIn(field, ranges), ...parts] : parts);
}

/** One word of a longer value: what it must be under which mask. */
export interface Word {
  readonly address: number;
  readonly mask: number;
}

/** Groups up to this many are asked for one after the other; more by halves. */
const LINEAR_GROUPS = 4;

/**
 * Whether a value of several words is one of `values`. Asks for the first word, then only for the rest of those values
 * that begin alike, so that a long list of hosts in one network asks for the network once.
 */
export function isOneOfWords(fields: readonly Load[], values: readonly (readonly Word[])[], depth = 0): Ir {
  const field = fields[depth];
  if (field === undefined) throw new RangeError('more words than fields');
  const ended: { from: number; to: number }[] = [];
  const groups = new Map<number, (readonly Word[])[]>();
  for (const value of values) {
    const { address, mask } = value[depth] ?? { address: 0, mask: 0 };
    const goesOn = mask === ALL_BITS && value.slice(depth + 1).some((word) => word.mask !== 0);
    if (!goesOn) {
      ended.push({ from: address, to: (address | ~mask) >>> 0 });
    } else {
      const group = groups.get(address);
      if (group) group.push(value);
      else groups.set(address, [value]);
    }
  }
  const sorted = [...groups].sort(([a], [b]) => a - b);
  const rest = sorted.map(([address, group]) => [address, isOneOfWords(fields, group, depth + 1)] as const);
  const parts = ended.length > 0 ? [isIn(field, rangesOf(ended))] : [];
  return joined('or', rest.length > 0 ? [...parts, oneOfGroups(field, rest)] : parts);
}

function oneOfGroups(field: Load, groups: readonly (readonly [number, Ir])[]): Ir {
  if (groups.length <= LINEAR_GROUPS) {
    const parts = groups.map(([address, rest]) => allOf(equals(field, address), rest));
    return joined('or', parts);
  }
  const middle = groups.length >> 1;
  const upper = atLeast(field, groups[middle]?.[0] ?? 0);
  return anyOf(
    allOf(upper, oneOfGroups(field, groups.slice(middle))),
    allOf(not(upper), oneOfGroups(field, groups.slice(0, middle))),
  );
}

export function portsIn(field: Load, ranges: readonly { readonly from: number; readonly to: number }[]): Ir {
  return isIn(field, rangesOf(ranges));
}
