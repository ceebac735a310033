import 'reflect-metadata';
import {
  type DynamicModule,
  Module,
  StandardSchemaSerializerInterceptor,
  StandardSchemaValidationPipe,
} from '@nestjs/common';
import { DiscoveryModule, DiscoveryService, MetadataScanner, NestFactory, Reflector } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { SwaggerModule } from '@nestjs/swagger';
import type { Logger } from '../logger.js';
import type { Registry } from '../metrics.js';
import { RequestInvalid } from '../problem.js';
import { type BoundCall, CALL_METADATA } from './call.js';
import { HealthController, type ReadinessCheck, ServiceParts } from './health.controller.js';
import { NestLogger } from './nest-logger.js';
import { type OpenApiDocument, type OpenApiInfo, openApiDocument } from './open-api.js';
import type { Operation } from './operation.js';
import { ProblemFilter } from './problem-filter.js';
import { RequestLogInterceptor, requestSeconds } from './request-log.interceptor.js';

const BODY_LIMIT_BYTES = 1024 * 1024;

export interface NestAppOptions {
  /** The component, as in its log lines: `filter-manager`. */
  readonly name: string;
  readonly info: OpenApiInfo;
  readonly logger: Logger;
  readonly metrics: Registry;
  /** What must be there for the service to be of use. */
  readonly readiness?: readonly ReadinessCheck[];
  /** Default `/openapi.json`. Behind one address each service has its own: `/openapi/filter-manager.json`. */
  readonly openApiPath?: string;
  /** Larger bodies are refused; default 1 MiB. */
  readonly bodyLimitBytes?: number;
  /** Where the page of the API is; default `/docs`. */
  readonly docsPath?: string;
}

/** An app that is ready to `init()` (behind somebody else's server) or to `listen`. */
export type NestApp = NestExpressApplication;

@Module({})
class ServiceModule {}

/**
 * Wraps a feature module with what every service has: checked requests and answers, problem+json, health, metrics,
 * the OpenAPI document and its page. Nothing in it is global to the process, but Nest's own static logger.
 */
export async function createNestApp(module: DynamicModule, options: NestAppOptions): Promise<NestApp> {
  const { name, logger, metrics, readiness = [], bodyLimitBytes = BODY_LIMIT_BYTES } = options;
  const root: DynamicModule = {
    module: ServiceModule,
    imports: [module, DiscoveryModule],
    controllers: [HealthController],
    providers: [{ provide: ServiceParts, useValue: { readiness, metrics } }],
  };
  const app = await NestFactory.create<NestApp>(root, {
    logger: new NestLogger(logger),
    // A mistake in the wiring is thrown, not answered with an exit of the whole process.
    abortOnError: false,
    bodyParser: false,
  });
  app.useBodyParser('json', { limit: bodyLimitBytes });
  app.disable('x-powered-by');
  // An ETag says which generation or version an answer is; Express would make one of the bytes.
  app.set('etag', false);
  app.useGlobalFilters(new ProblemFilter(logger));
  app.useGlobalPipes(
    new StandardSchemaValidationPipe({
      exceptionFactory: (issues) =>
        new RequestInvalid(issues.map(({ path = [], message }) => ({ path: path.map(segment).join('.'), message }))),
    }),
  );
  app.useGlobalInterceptors(
    new RequestLogInterceptor(name, logger, requestSeconds(metrics)),
    new StandardSchemaSerializerInterceptor(app.get(Reflector)),
  );
  serveDocument(app, options);
  return app;
}

const segment = (part: PropertyKey | { readonly key: PropertyKey }): string =>
  String(typeof part === 'object' ? part.key : part);

/** The operations that the app's controllers implement: what is not bound is not in the document. */
export function operationsOf(app: NestApp): Operation[] {
  const scanner = new MetadataScanner();
  return app
    .get(DiscoveryService)
    .getControllers()
    .flatMap(({ metatype }) => {
      const prototype = (metatype as { prototype: Record<string, object> }).prototype;
      return scanner.getAllMethodNames(prototype).flatMap((operationId) => {
        const bound: BoundCall | undefined = Reflect.getMetadata(CALL_METADATA, prototype[operationId]!);
        return bound ? [{ ...bound, operationId, tag: tagOf(metatype?.name ?? '') }] : [];
      });
    });
}

/** `FiltersController` → `filters` */
const tagOf = (controller: string): string => controller.replace(/Controller$/, '').toLowerCase();

const documents = new WeakMap<NestApp, OpenApiDocument>();

/** The OpenAPI document of an app that `createNestApp` made. */
export function openApiOf(app: NestApp): OpenApiDocument {
  const document = documents.get(app);
  if (!document) throw new Error('this app was not made by createNestApp');
  return document;
}

function serveDocument(
  app: NestApp,
  { info, openApiPath = '/openapi.json', docsPath = '/docs' }: NestAppOptions,
): void {
  const document = openApiDocument(info, operationsOf(app));
  documents.set(app, document);
  // SwaggerModule's types know what its own scanner makes; its page shows any OpenAPI document.
  SwaggerModule.setup(docsPath, app, document as never, {
    jsonDocumentUrl: openApiPath,
    raw: ['json'],
    customSiteTitle: info.title,
  });
}
