import { createLogger, createMetrics } from '@bpfleet/service';
import { createNestApp, openApiDocument, operationsOf } from '@bpfleet/service/nest';
import { analyticsModule } from './analytics.module.js';
import { openApiInfo } from './api-info.js';
import { systemClock } from './clock.js';
import { ConflictSource } from './conflicts/conflict-source.js';
import type { FlowSource } from './flows/flow-source.js';
import type { ImportParts } from './imports/file-sections.js';
import type { LedgerSource } from './ledger/ledger-source.js';
import { SectionSource } from './packets/section-source.js';
import type { Publisher } from './quarantine/publisher.js';
import type { QuarantineSource } from './quarantine/quarantine-source.js';
import { VersionTable } from './registry/known-versions.js';
import type { StatusSource } from './retention/status-source.js';
import { tailMetrics } from './tail/metrics.js';
import type { TailSource } from './tail/tail-source.js';

/** Needed to build the controllers, and never asked. */
const noSource: SectionSource = {
  sections: () => {
    throw new Error('no store here');
  },
  count: () => Promise.reject(new Error('no store here')),
  section: () => Promise.reject(new Error('no store here')),
  named: () => Promise.reject(new Error('no store here')),
};

const noConflicts: ConflictSource = { list: () => Promise.reject(new Error('no store here')) };

const noFlows: FlowSource = { ask: () => Promise.reject(new Error('no store here')) };
const noLedger: LedgerSource = {
  losses: () => Promise.reject(new Error('no store here')),
  accounts: () => Promise.reject(new Error('no store here')),
};

const noStatus: StatusSource = { status: () => Promise.reject(new Error('no store here')) };

const noTails: TailSource = {
  ends: () => Promise.reject(new Error('no store here')),
  places: () => Promise.reject(new Error('no store here')),
  sections: () => Promise.reject(new Error('no store here')),
  firstOffset: () => Promise.reject(new Error('no store here')),
  retainedFromUs: () => Promise.reject(new Error('no store here')),
  givenUp: () => Promise.reject(new Error('no store here')),
};

const noQuarantine: QuarantineSource = {
  list: () => Promise.reject(new Error('no store here')),
  get: () => Promise.reject(new Error('no store here')),
  remove: () => Promise.reject(new Error('no store here')),
};

const noPublisher: Publisher = { publish: () => Promise.reject(new Error('no bus here')) };

const noImports: ImportParts = {
  owner: '',
  get ingest(): never {
    throw new Error('no store here');
  },
  get store(): never {
    throw new Error('no store here');
  },
};

const logger = createLogger({ name: 'openapi', level: 'silent' });
const metrics = createMetrics();

// Prints the OpenAPI document: `npm run openapi` writes it to docs/openapi/analytics.json.
const app = await createNestApp(
  analyticsModule({
    sections: noSource,
    conflicts: noConflicts,
    flows: noFlows,
    ledger: noLedger,
    storeStatus: noStatus,
    tails: { source: noTails, metrics: tailMetrics(metrics), logger },
    quarantine: noQuarantine,
    publisher: noPublisher,
    imports: noImports,
    versions: new VersionTable(),
    clock: systemClock,
  }),
  {
    name: 'analytics',
    info: openApiInfo,
    logger,
    metrics,
  },
);
process.stdout.write(`${JSON.stringify(openApiDocument(openApiInfo, operationsOf(app)), undefined, 2)}\n`);
await app.close();
