import { ApiClient } from '@bpfleet/contract';
import { createLogger, createMetrics } from '@bpfleet/service';
import { listen, type NestApp } from '@bpfleet/service/nest';
import { createApp } from '../app.js';
import type { FilterCompiler } from '../compile/filter-compiler.js';
import { ChangeFeed } from '../long-poll/change-feed.js';
import { LongPolls } from '../long-poll/long-polls.js';
import { MemoryAgentStore } from '../memory/memory-agent-store.js';
import { MemoryAssignmentStore } from '../memory/memory-assignment-store.js';
import { MemoryControl } from '../memory/memory-control.js';
import { MemoryFilterStore } from '../memory/memory-filter-store.js';
import { MemoryIdentityStore } from '../memory/memory-identity-store.js';
import { MemoryRegistryStore } from '../memory/memory-registry-store.js';
import { MemorySigningKeyStore } from '../memory/memory-signing-key-store.js';
import { FilterManagerMetrics } from '../metrics.js';
import { SigningKeys } from '../signing/signing-keys.js';
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
export async function startMemoryService(
  enrolmentToken?: string,
  compiler: FilterCompiler = new FakeCompiler(),
): Promise<MemoryService> {
  const registry = createMetrics();
  const logger = createLogger({ name: 'test', level: 'silent' });
  const feed = new ChangeFeed();
  const control = new MemoryControl((agents) => feed.changed(agents));
  const signingKeys = new SigningKeys(undefined, new MemorySigningKeyStore());
  await signingKeys.load();
  control.settings = { ...control.settings, keys: signingKeys.publicKeys };
  const parts = {
    filters: new MemoryFilterStore(control),
    assignments: new MemoryAssignmentStore(control),
    agents: new MemoryAgentStore(control),
    identities: new MemoryIdentityStore(control),
    registry: new MemoryRegistryStore(control),
    signingKeys,
    enrolmentToken,
    feed,
    compiler,
    metrics: new FilterManagerMetrics(registry, () => feed.size),
  };
  const app = await createApp(parts, { logger, registry });
  const { url } = await listen(app, { host: '127.0.0.1', port: 0, logger });
  const close = async () => {
    app.get(LongPolls).stop();
    await app.close();
  };
  return { app, url, client: new ApiClient({ server: url }), feed, control, close };
}
