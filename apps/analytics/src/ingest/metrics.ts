import type { ConsumerWatch } from '@bpfleet/bus';
import { Counter, Gauge, Histogram, type Registry } from '@bpfleet/service';

export const ingestMetrics = (registry: Registry) => {
  const registers = [registry];
  return {
    records: new Counter({
      registers,
      name: 'bpfleet_ingest_records_total',
      help: 'Records of the log that were committed, whatever became of them.',
    }),
    sections: new Counter({
      registers,
      name: 'bpfleet_ingest_sections_total',
      help: 'Sections stored.',
    }),
    packets: new Counter({
      registers,
      name: 'bpfleet_ingest_packets_total',
      help: 'Packets stored.',
    }),
    bytes: new Counter({
      registers,
      name: 'bpfleet_ingest_section_bytes_total',
      help: 'Bytes of the records that were committed.',
    }),
    duplicates: new Counter({
      registers,
      name: 'bpfleet_ingest_duplicates_total',
      help: 'Sections that were stored before and were not stored again.',
    }),
    quarantined: new Counter({
      registers,
      name: 'bpfleet_ingest_quarantined_total',
      help: 'Records put into quarantine, by reason.',
      labelNames: ['reason'],
    }),
    overlaps: new Counter({
      registers,
      name: 'bpfleet_ingest_overlaps_total',
      help: 'Sections stored that an older epoch of an agent captured while a newer one ran.',
    }),
    clockSuspect: new Counter({
      registers,
      name: 'bpfleet_ingest_clock_suspect_total',
      help: 'Sections stored whose times are further than 30 d behind or 1 h ahead.',
    }),
    offsetGaps: new Counter({
      registers,
      name: 'bpfleet_ingest_offset_gaps_total',
      help: 'Gaps between offsets, by what was done: read again, or found to be empty.',
      labelNames: ['decision'],
    }),
    lostOffsets: new Counter({
      registers,
      name: 'bpfleet_ingest_lost_offsets_total',
      help: 'Offsets of the log that were gone before they were read; each range is a loss row.',
    }),
    unreadable: new Counter({
      registers,
      name: 'bpfleet_ingest_unreadable_total',
      help: 'Times that a batch of the log could not be decoded; after three in a row it becomes a loss row.',
    }),
    logsReplaced: new Counter({
      registers,
      name: 'bpfleet_ingest_logs_replaced_total',
      help: 'Partitions whose log ended below the stored position.',
    }),
    fenced: new Counter({
      registers,
      name: 'bpfleet_ingest_fenced_total',
      help: 'Commits refused because another consumer had taken the partition.',
    }),
    failures: new Counter({
      registers,
      name: 'bpfleet_ingest_failures_total',
      help: 'Failures after which reading began again, by error code.',
      labelNames: ['code'],
    }),
    commitSeconds: new Histogram({
      registers,
      name: 'bpfleet_ingest_commit_seconds',
      help: 'Time of one transaction.',
      buckets: [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    }),
    lag: new Gauge({
      registers,
      name: 'bpfleet_ingest_lag_records',
      help: 'Records of a partition that this process has and has not committed yet.',
      labelNames: ['partition'],
    }),
  };
};
export type IngestMetrics = ReturnType<typeof ingestMetrics>;

/** How long this process waits for Kafka: on a bad network a call is given up, and made again. */
export function consumerMetrics(registry: Registry): ConsumerWatch {
  const longest = new Gauge({
    registers: [registry],
    name: 'bpfleet_ingest_kafka_longest_call_seconds',
    help: 'The longest call to Kafka so far, whether it was answered or given up.',
  });
  let longestMs = 0;
  return {
    waited(ms) {
      longestMs = Math.max(longestMs, ms);
      longest.set(longestMs / 1000);
    },
  };
}
