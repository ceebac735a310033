export { Call, type CallOf, type CallOptions } from './call.js';
export { createNestApp, type NestApp, type NestAppOptions, openApiOf, operationsOf } from './create-nest-app.js';
export type { ReadinessCheck } from './health.controller.js';
export { isLoopback, type ListenOptions, listen } from './listen.js';
export { NestLogger } from './nest-logger.js';
export { type OpenApiDocument, type OpenApiInfo, openApiDocument } from './open-api.js';
export type { Operation } from './operation.js';
export { ProblemFilter } from './problem-filter.js';
