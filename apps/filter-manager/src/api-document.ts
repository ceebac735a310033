import { createLogger, createMetrics } from '@bpfleet/service';
import { type OpenApiDocument, openApiOf } from '@bpfleet/service/nest';
import { createApp } from './app.js';
import { PcapFilterCompiler } from './compile/pcap-filter-compiler.js';
import { ChangeFeed } from './long-poll/change-feed.js';
import { MemoryAgentStore } from './memory/memory-agent-store.js';
import { MemoryAssignmentStore } from './memory/memory-assignment-store.js';
import { MemoryControl } from './memory/memory-control.js';
import { MemoryFilterStore } from './memory/memory-filter-store.js';
import { MemoryIdentityStore } from './memory/memory-identity-store.js';
import { MemoryRegistryStore } from './memory/memory-registry-store.js';
import { MemorySigningKeyStore } from './memory/memory-signing-key-store.js';
import { FilterManagerMetrics } from './metrics.js';
import { SigningKeys } from './signing/signing-keys.js';

/** The API's document, made from its controllers without a database: `docs/openapi/filter-manager.json`. */
export async function filterManagerOpenApi(): Promise<OpenApiDocument> {
  const registry = createMetrics();
  const control = new MemoryControl();
  const app = await createApp(
    {
      filters: new MemoryFilterStore(control),
      assignments: new MemoryAssignmentStore(control),
      agents: new MemoryAgentStore(control),
      identities: new MemoryIdentityStore(control),
      registry: new MemoryRegistryStore(control),
      signingKeys: new SigningKeys(undefined, new MemorySigningKeyStore()),
      enrolmentToken: undefined,
      feed: new ChangeFeed(),
      compiler: new PcapFilterCompiler(),
      metrics: new FilterManagerMetrics(registry, () => 0),
    },
    { logger: createLogger({ name: 'openapi', level: 'error' }), registry },
  );
  const document = openApiOf(app);
  await app.close();
  return document;
}
