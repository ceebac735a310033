import type { FilterOutcome } from '../border/opener-port.js';
import type { RefusedEntry, VerifiedEntry } from './verify-desired.js';

interface Wishes {
  readonly entries: readonly VerifiedEntry[];
  readonly refused: readonly RefusedEntry[];
  readonly interfaces: readonly { readonly name: string; readonly up: boolean }[];
  readonly mayOpen: (name: string) => boolean;
  readonly matches: (patterns: readonly string[], name: string) => boolean;
}

/** Of patterns, and of interfaces that a reason names: so much is shown. */
const MOST_CHARACTERS = 128;

/** Filters that are wished for where this host has nothing to capture on: one row for each, which says why. */
export function onNoInterface({ entries, refused, interfaces, mayOpen, matches }: Wishes): FilterOutcome[] {
  const wished = [
    ...entries.map(({ bundle, digest, interfaces: patterns }) => ({ named: bundle, digest, patterns })),
    ...refused.map(({ named, digest, interfaces: patterns }) => ({ named, digest, patterns })),
  ];
  return wished.flatMap(({ named: { filter, version }, digest, patterns }): FilterOutcome[] => {
    const found = interfaces.filter(({ name }) => matches(patterns, name));
    if (found.some(({ name, up }) => up && mayOpen(name))) return [];
    const reason = found.length === 0 ? noneOf(interfaces) : found.map((device) => whyNot(device, mayOpen)).join(', ');
    const interfaceNames = shortened(patterns.join(','));
    return [
      {
        ...{ filter, version, digest, interface: interfaceNames, linkType: 'unknown' },
        ...{ state: 'not applicable', reason: shortened(reason) },
      },
    ];
  });
}

const noneOf = (interfaces: Wishes['interfaces']): string =>
  `no interface of this host has such a name; there are: ${interfaces.map(({ name }) => name).join(', ')}`;

const whyNot = ({ name }: Wishes['interfaces'][number], mayOpen: Wishes['mayOpen']): string =>
  mayOpen(name) ? `${name} is down` : `${name} is not among BPFLEET_AGENT_INTERFACES`;

const shortened = (text: string): string =>
  text.length <= MOST_CHARACTERS ? text : `${text.slice(0, MOST_CHARACTERS - 1)}…`;
