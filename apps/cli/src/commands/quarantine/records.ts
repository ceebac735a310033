import type { QuarantinedRecord } from '@bpfleet/contract';
import { type Column, table } from '../../output/columns.js';
import type { Terminal } from '../../terminal.js';

const columns: readonly Column<QuarantinedRecord>[] = [
  { title: 'ID', value: ({ id }) => id, align: 'right' },
  { title: 'SINCE', value: ({ quarantinedAt }) => quarantinedAt },
  { title: 'AGENT', value: ({ agent }) => agent ?? '' },
  { title: 'BYTES', value: ({ sizeBytes }) => sizeBytes, align: 'right' },
  { title: 'REASON', value: ({ reason }) => reason },
  { title: 'DETAIL', value: ({ detail }) => detail },
];

export const recordTable = (records: readonly QuarantinedRecord[], terminal: Terminal): string =>
  table(records, columns, terminal.out, terminal.env);
