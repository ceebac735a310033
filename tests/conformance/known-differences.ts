import type { Difference } from './comparison.js';

/** A difference from the installed libpcap that is meant, and why. docs/20-filter-language.md shows the same list. */
export interface KnownDifference {
  readonly name: string;
  /** What differs, from which side, and why it stays. */
  readonly reason: string;
  /** One expression and link form on which a test shows that the difference is still there. */
  readonly example: { readonly expression: string; readonly form: string; readonly packet?: string };
  readonly matches: (difference: Difference) => boolean;
}

export const knownDifferences: readonly KnownDifference[] = [];

/** The name of the entry that explains the difference. */
export function knownDifference(difference: Difference): string | undefined {
  return knownDifferences.find(({ matches }) => matches(difference))?.name;
}
