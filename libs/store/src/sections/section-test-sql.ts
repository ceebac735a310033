import { HASHES, type SectionTest } from '@bpfleet/pruning';

/**
 * The same question as `mayHold`, to a row of `analytics.section`. CASE hides it from Postgres' estimates: it would take each
 * bit for one row in 200, all of them for none, and read the whole range at once rather than in order up to the limit.
 */
export function sectionTestSql(test: SectionTest): string {
  return test.kind === 'all' ? 'true' : `(opaque OR CASE WHEN ${sqlOf(test)} THEN true ELSE false END)`;
}

function sqlOf(test: SectionTest): string {
  switch (test.kind) {
    case 'all':
      return 'true';
    case 'none':
      return 'false';
    case 'and':
      return `(${test.parts.map(sqlOf).join(' AND ')})`;
    case 'or':
      return oneOf(test.parts);
    case 'bits':
      // Without a filter there are no tokens; `null` would be neither true nor false.
      return `(bloom IS NOT NULL AND analytics.bloom_has(bloom, ${test.bits.join(', ')}))`;
    case 'layers':
      return `layers && '{${test.anyOf.join(',')}}'::integer[]`;
  }
}

/** More tokens than these become a list of values: Postgres plans each expression by itself, and a list as one. */
const MOST_WRITTEN_OUT = 8;

function oneOf(parts: readonly SectionTest[]): string {
  const listed = new Map<number, number[][]>();
  const rest: string[] = [];
  for (const part of parts) {
    const bits = parts.length > MOST_WRITTEN_OUT ? bitsOfAll(part) : undefined;
    if (bits === undefined) rest.push(sqlOf(part));
    else listed.set(bits.length, [...(listed.get(bits.length) ?? []), bits]);
  }
  return `(${[...rest, ...[...listed].map(([length, list]) => inList(length, list))].join(' OR ')})`;
}

/** All bits that must be set, where the test asks for nothing else. */
function bitsOfAll(test: SectionTest): number[] | undefined {
  if (test.kind === 'bits') return [...test.bits];
  if (test.kind !== 'and' || !test.parts.every((part) => part.kind === 'bits')) return undefined;
  return test.parts.flatMap((part) => (part.kind === 'bits' ? part.bits : []));
}

function inList(length: number, list: readonly (readonly number[])[]): string {
  const places = Array.from({ length: length / HASHES }, (_, token) => token * HASHES);
  const has = places.map((place) => {
    const bits = Array.from({ length: HASHES }, (_, index) => `wanted.bits[${place + index + 1}]`);
    return `analytics.bloom_has(bloom, ${bits.join(', ')})`;
  });
  const values = list.map((bits) => `('{${bits.join(',')}}'::integer[])`);
  return `(bloom IS NOT NULL AND EXISTS (SELECT FROM (VALUES ${values.join(',')}) AS wanted(bits) WHERE ${has.join(' AND ')}))`;
}
