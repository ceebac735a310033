import type { Filter } from '@bpfleet/contract';
import { type Column, table } from '../output/columns.js';
import type { Terminal } from '../terminal.js';

const columns: readonly Column<Filter>[] = [
  { title: 'NAME', value: (filter) => filter.name },
  { title: 'VERSION', value: (filter) => filter.latest.version, align: 'right' },
  { title: 'SNAPLEN', value: (filter) => filter.latest.snaplenBytes, align: 'right' },
  { title: 'INTERFACES', value: (filter) => filter.latest.interfaces.join(',') },
  { title: 'ASSIGNED TO', value: assignments },
  { title: 'EXPRESSION', value: (filter) => filter.latest.expression },
];

/** One line per filter. */
export function filterTable(filters: readonly Filter[], terminal: Terminal): string {
  return table(filters, columns, terminal.out, terminal.env);
}

/** Where a filter runs; with the version only where that is not the latest. */
function assignments({ assignments: all, latest }: Filter): string {
  const texts = all.map(({ selector, version }) => {
    return `${selectorText(selector)}${version === latest.version ? '' : ` (version ${version})`}`;
  });
  return texts.join('; ') || 'nobody';
}

export function selectorText(selector: string): string {
  return selector === '' ? 'every agent' : selector;
}
