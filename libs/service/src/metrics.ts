import { Counter, collectDefaultMetrics, Registry } from 'prom-client';
import { heldBackLines } from './repeat-limit.js';

const EVENT_LOOP_PRECISION_MS = 250;

export { Counter, Gauge, Histogram, Registry } from 'prom-client';

/**
 * A registry of its own with the process's figures in it. prom-client's default registry is never used: several apps
 * may live in one process, and tests make many.
 * @param eventLoopPrecisionMs how often is looked how late the event loop is: each time is a wake-up, and prom-client's hundred a
 * second are most of an idle agent
 */
export function createMetrics(eventLoopPrecisionMs = EVENT_LOOP_PRECISION_MS): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: eventLoopPrecisionMs });
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
