import { ALL, NONE, type Prefilter } from './prefilter.js';
import { printToken } from './print-prefilter.js';

/** All of these hold, or one of these, as short as it can be said without working anything out. */
export function join(kind: 'and' | 'or', parts: readonly Prefilter[]): Prefilter {
  const [neutral, deciding] = kind === 'and' ? (['all', NONE] as const) : (['none', ALL] as const);
  const kept = new Map<string | Prefilter, Prefilter>();
  for (const part of flattened(kind, parts)) {
    if (part.kind === neutral) continue;
    if (part.kind === deciding.kind) return deciding;
    kept.set(part.kind === 'token' ? printToken(part.token) : part, part);
  }
  const shortened = [...kept.values()].filter((part) => !isAbsorbed(part, kept));
  const [only] = shortened;
  if (only === undefined) return kind === 'and' ? ALL : NONE;
  return shortened.length === 1 ? only : { kind, parts: shortened };
}

function flattened(kind: 'and' | 'or', parts: readonly Prefilter[]): readonly Prefilter[] {
  return parts.flatMap((part) => (part.kind === kind ? part.parts : [part]));
}

/** `a and (a or b)` is `a`; likewise the other way round. */
function isAbsorbed(part: Prefilter, siblings: ReadonlyMap<string | Prefilter, Prefilter>): boolean {
  if (part.kind !== 'and' && part.kind !== 'or') return false;
  return part.parts.some((inner) => inner.kind === 'token' && siblings.has(printToken(inner.token)));
}

export function countTokens(prefilter: Prefilter): number {
  if (prefilter.kind === 'token') return 1;
  if (prefilter.kind !== 'and' && prefilter.kind !== 'or') return 0;
  return prefilter.parts.reduce((count, part) => count + countTokens(part), 0);
}

/** Asks for no more than `most` tokens: of what must all hold the longest parts are left out, a longer list is everything. */
export function limited(prefilter: Prefilter, most: number): Prefilter {
  if (countTokens(prefilter) <= most) return prefilter;
  if (prefilter.kind !== 'and') return ALL;
  const kept: Prefilter[] = [];
  let left = most;
  for (const part of prefilter.parts.toSorted((a, b) => countTokens(a) - countTokens(b))) {
    const size = countTokens(part);
    if (size > left) break;
    kept.push(part);
    left -= size;
  }
  return join('and', kept);
}
