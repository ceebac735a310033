import { Counter, type Logger, type Registry } from '@bpfleet/service';
import type { RetentionPolicy, RetentionStore } from '@bpfleet/store';

export const retentionMetrics = (registry: Registry) => ({
  partitions: new Counter({
    registers: [registry],
    name: 'bpfleet_retention_partitions_total',
    help: 'Partitions given up, by class and by what limit.',
    labelNames: ['class', 'reason'],
  }),
  rows: new Counter({
    registers: [registry],
    name: 'bpfleet_retention_rows_total',
    help: 'Rows of quarantine and losses that were given up.',
  }),
});
export type RetentionMetrics = ReturnType<typeof retentionMetrics>;

/** One round of giving up what is too old or too much, with its log lines and counters. */
export async function retentionRound(
  store: Pick<RetentionStore, 'retain'>,
  policy: RetentionPolicy,
  metrics: RetentionMetrics,
  logger: Logger,
): Promise<void> {
  const round = await store.retain(policy);
  if (round === undefined) return;
  for (const { partition, reason } of round.left) {
    const { name, bytes, rows } = partition;
    metrics.partitions.inc({ class: partition.class, reason });
    logger.info({ partition: name, bytes, rows, reason }, 'partition given up');
  }
  metrics.rows.inc(round.deletedRows);
  if (round.waiting.length > 0) logger.info({ partitions: round.waiting }, 'partitions given up are still read');
}
