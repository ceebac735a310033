import type { SectionTest } from '@bpfleet/pruning';

/** The same question as `mayHold`, to a row of `analytics.section`. */
export function sectionTestSql(test: SectionTest): string {
  return test.kind === 'all' ? 'true' : `(opaque OR ${sqlOf(test)})`;
}

function sqlOf(test: SectionTest): string {
  switch (test.kind) {
    case 'all':
      return 'true';
    case 'none':
      return 'false';
    case 'and':
    case 'or':
      return `(${test.parts.map(sqlOf).join(` ${test.kind} `)})`;
    case 'bits':
      // Without a filter there are no tokens; `null` would be neither true nor false.
      return `(bloom IS NOT NULL AND analytics.bloom_has(bloom, ${test.bits.join(', ')}))`;
    case 'layers':
      return `layers && '{${test.anyOf.join(',')}}'::integer[]`;
  }
}
