import type { Logger } from '@bpfleet/service';
import type { TailLimits } from './config.js';
import type { TailMetrics } from './metrics.js';
import type { TailSource } from './tail-source.js';

/** What tails are built on. */
export abstract class TailParts {
  abstract readonly source: TailSource;
  abstract readonly metrics: TailMetrics;
  abstract readonly logger: Logger;
  /** Default: `TAIL_LIMITS`. */
  abstract readonly limits?: TailLimits;
}
