import type { IdentityConflict } from '@bpfleet/contract';
import { type Column, table } from '../output/columns.js';
import type { Terminal } from '../terminal.js';

/** The kinds of docs/50-keys-and-signatures.md. */
const BECAME: Readonly<Record<IdentityConflict['kind'], string>> = {
  'other-key': 'in quarantine',
  'other-bytes': 'in quarantine',
  overlap: 'stored',
};

const columns: readonly Column<IdentityConflict>[] = [
  { title: 'AGENT', value: ({ agent }) => agent },
  { title: 'EPOCH', value: ({ epoch }) => epoch, align: 'right' },
  { title: 'KIND', value: ({ kind }) => kind },
  { title: 'SECTIONS', value: ({ sections }) => sections, align: 'right' },
  { title: 'THEY ARE', value: ({ kind }) => BECAME[kind] },
  { title: 'FIRST NOTICED', value: ({ firstNoticedAt }) => firstNoticedAt },
  { title: 'LAST NOTICED', value: ({ lastNoticedAt }) => lastNoticedAt },
];

export const conflictTable = (conflicts: readonly IdentityConflict[], { out, env }: Terminal): string =>
  table(conflicts, columns, out, env);
