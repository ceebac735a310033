import { Counter, collectDefaultMetrics, Registry } from 'prom-client';
import { heldBackLines } from './repeat-limit.js';

/** How late the event loop is, is seen so often: each time is a wake-up, and prom-client's hundred a second are most of an idle agent. */
const EVENT_LOOP_PRECISION_MS = 250;

export { Counter, Gauge, Histogram, Registry } from 'prom-client';

/**
 * A registry of its own with the process's figures in it. prom-client's default registry is never used: several apps
 * may live in one process, and tests make many.
 */
export function createMetrics(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: EVENT_LOOP_PRECISION_MS });
  logMetrics(registry);
  return registry;
}

/** Lines are the process's too, whichever logger they came from. */
function logMetrics(registry: Registry): void {
  new Counter({
    registers: [registry],
    name: 'bpfleet_log_lines_held_back_total',
    help: 'Lines that were not written because their cause was in the log already; once a minute one line counts them.',
    labelNames: ['level'],
    collect() {
      this.reset();
      for (const [level, lines] of heldBackLines) this.inc({ level }, lines);
    },
  });
}
