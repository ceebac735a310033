import { ApiClient } from '@bpfleet/contract';
import { createLogger, createMetrics } from '@bpfleet/service';
import { listen, type NestApp } from '@bpfleet/service/nest';
import { createApp } from '../app.js';
import { ChangeFeed } from '../desired/change-feed.js';
import { DesiredService } from '../desired/desired.service.js';
import { MemoryAgentStore } from '../memory/memory-agent-store.js';
import { MemoryAssignmentStore } from '../memory/memory-assignment-store.js';
import { MemoryControl } from '../memory/memory-control.js';
import { MemoryFilterStore } from '../memory/memory-filter-store.js';
import { FilterManagerMetrics } from '../metrics.js';
import { FakeCompiler } from './fake-compiler.js';

export interface MemoryService {
  readonly app: NestApp;
  readonly url: string;
  readonly client: ApiClient;
  readonly feed: ChangeFeed;
  readonly control: MemoryControl;
  close(): Promise<void>;
}

/** The API over memory, on a port of its own. */
export async function startMemoryService(): Promise<MemoryService> {
  const registry = createMetrics();
  const logger = createLogger({ name: 'test', level: 'silent' });
  const feed = new ChangeFeed();
  const control = new MemoryControl((agents) => feed.changed(agents));
  const parts = {
    filters: new MemoryFilterStore(control),
    assignments: new MemoryAssignmentStore(control),
    agents: new MemoryAgentStore(control),
    feed,
    compiler: new FakeCompiler(),
    metrics: new FilterManagerMetrics(registry, () => feed.size),
  };
  const app = await createApp(parts, { logger, registry });
  const { url } = await listen(app, { host: '127.0.0.1', port: 0, logger });
  const close = async () => {
    app.get(DesiredService).stop();
    await app.close();
  };
  return { app, url, client: new ApiClient({ server: url }), feed, control, close };
}
