import { ApiClient } from '@bpfleet/contract';
import { createLogger, createMetrics } from '@bpfleet/service';
import { listen } from '@bpfleet/service/nest';
import { createPool } from '@bpfleet/store';
import { FilterManagerConfig } from '../config.js';
import { createFilterManager } from '../filter-manager.js';

export type Connection = Parameters<typeof createPool>[0]['connection'];

export interface Replica {
  readonly url: string;
  readonly client: ApiClient;
  /** A figure of `/metrics`; 0 when it is not there. */
  metric(name: string): Promise<number>;
  /** What `/healthz/ready` says. */
  ready(): Promise<{ status: number; checks: Record<string, string> }>;
  /** May be called twice. */
  stop(): Promise<void>;
}

/** A filter-manager as its process builds it, on a port of its own. */
export async function startReplica(
  connection: Connection,
  config: Partial<FilterManagerConfig> = {},
): Promise<Replica> {
  const logger = createLogger({ name: 'test', level: 'silent' });
  const pool = createPool({ connection, name: 'bpfleet-filter-manager', onError: () => undefined });
  const service = await createFilterManager(
    { ...FilterManagerConfig.parse({}), ...config },
    { pool, logger, metrics: createMetrics() },
  );
  await service.start();
  const { url } = await listen(service.app, { host: '127.0.0.1', port: 0, logger });
  return {
    url,
    client: new ApiClient({ server: url }),
    async metric(name) {
      const text = await (await fetch(`${url}/metrics`)).text();
      return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? 0);
    },
    async ready() {
      const response = await fetch(`${url}/healthz/ready`);
      const { checks } = (await response.json()) as { checks: Record<string, string> };
      return { status: response.status, checks };
    },
    async stop() {
      await service.stop();
      if (!pool.ended) await pool.end();
    },
  };
}
