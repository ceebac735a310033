const HOUR_MS = 3_600_000;

/** What is kept, and given up, together. */
export type PartitionedClass = 'section' | 'flow' | 'rollup';

/** A table whose rows lie in partitions by the time of their ingest, on the database's clock. */
export interface PartitionedTable {
  readonly table: string;
  readonly class: PartitionedClass;
  /** Of one partition, which begins at a multiple of it since 1970. */
  readonly spanMs: number;
}

/** Sums are few and kept for long: partitions by hour would be too many of them. */
export const partitionedTables: readonly PartitionedTable[] = [
  { table: 'section', class: 'section', spanMs: HOUR_MS },
  { table: 'flow', class: 'flow', spanMs: HOUR_MS },
  { table: 'flow_minute', class: 'rollup', spanMs: 24 * HOUR_MS },
  { table: 'flow_ten_minutes', class: 'rollup', spanMs: 24 * HOUR_MS },
  { table: 'flow_hour', class: 'rollup', spanMs: 24 * HOUR_MS },
];

/** `section_2026112213`: the hour of its begin, in UTC. */
export function partitionName({ table }: PartitionedTable, beginMs: number): string {
  return `${table}_${new Date(beginMs).toISOString().slice(0, 13).replace(/\D/g, '')}`;
}

/** When a partition begins, by its name; undefined when it is none of the table's. */
export function partitionBeginMs({ table }: PartitionedTable, name: string): number | undefined {
  const match = /^(.+)_(\d{4})(\d{2})(\d{2})(\d{2})$/.exec(name);
  if (match === null || match[1] !== table) return undefined;
  const [year, month, day, hour] = match.slice(2).map(Number) as [number, number, number, number];
  return Date.UTC(year, month - 1, day, hour);
}
