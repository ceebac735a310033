import { createPool } from '@bpfleet/store';
import type { AnalyticsParts } from './analytics.js';
import type { ProcessConfig } from './config.js';

/** The connections of a process of its own; nothing is connected before it is asked for. */
export function createPools(
  config: Pick<ProcessConfig, 'postgresUrl' | 'ingestConnections' | 'queryConnections'>,
  onError: (error: Error) => void,
): Pick<AnalyticsParts, 'pool' | 'queryPool'> {
  const postgres = { connection: config.postgresUrl, onError };
  return {
    pool: createPool({ ...postgres, name: 'bpfleet-analytics', maxConnections: config.ingestConnections }),
    queryPool: createPool({ ...postgres, name: 'bpfleet-queries', maxConnections: config.queryConnections }),
  };
}
