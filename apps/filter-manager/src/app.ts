import { type Logger, type Registry } from '@bpfleet/service';
import { createNestApp, type NestApp, type OpenApiInfo, type ReadinessCheck } from '@bpfleet/service/nest';
import { filterManagerModule, type Parts } from './filter-manager.module.js';

export interface AppOptions {
  readonly logger: Logger;
  readonly registry: Registry;
  readonly readiness?: readonly ReadinessCheck[];
  /** Where the OpenAPI document and its page are; default `/openapi.json` and `/docs`. */
  readonly openApiPath?: string;
  readonly docsPath?: string;
}

/** The status of an agent with as many filters on as many interfaces as one has room for (`statusLimits`). */
const BODY_LIMIT_BYTES = 8 * 1024 * 1024;

const info: OpenApiInfo = {
  title: 'bpfleet filter-manager',
  version: '1',
  description:
    'Filters and their versions, which agents should run them, and what agents report. `/api/v1` is for people and ' +
    'programs, `/api/agent/v1` for agents.',
};

/** The HTTP side of the filter-manager over any stores. */
export function createApp(
  parts: Parts,
  { logger, registry, readiness = [], openApiPath, docsPath }: AppOptions,
): Promise<NestApp> {
  return createNestApp(filterManagerModule(parts), {
    name: 'filter-manager',
    info,
    logger,
    metrics: registry,
    readiness,
    bodyLimitBytes: BODY_LIMIT_BYTES,
    ...(openApiPath ? { openApiPath } : {}),
    ...(docsPath ? { docsPath } : {}),
  });
}
