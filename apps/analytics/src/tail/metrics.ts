import { Counter, Gauge, type Registry } from '@bpfleet/service';

export const tailMetrics = (registry: Registry) => ({
  readers: new Gauge({
    registers: [registry],
    name: 'bpfleet_tail_readers',
    help: 'Tails that are open.',
  }),
  storeFailures: new Counter({
    registers: [registry],
    name: 'bpfleet_tail_store_failures_total',
    help: 'Reads of tails that failed because Postgres was away; they were tried again.',
  }),
  stalledReaders: new Counter({
    registers: [registry],
    name: 'bpfleet_tail_stalled_readers_total',
    help: 'Tails that were ended because their readers took nothing for too long.',
  }),
});
export type TailMetrics = ReturnType<typeof tailMetrics>;
