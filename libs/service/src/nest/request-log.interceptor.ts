import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import type { Observable } from 'rxjs';
import type { Logger } from '../logger.js';
import { Histogram, type Registry } from '../metrics.js';
import { type BoundCall, CALL_METADATA } from './call.js';
import type { HttpRequest, HttpResponse } from './http.js';

const NAME = 'bpfleet_http_request_seconds';

/** Two apps of one process may share a registry: the second finds the series of the first. */
export const requestSeconds = (registry: Registry): Histogram =>
  (registry.getSingleMetric(NAME) as Histogram | undefined) ??
  new Histogram({
    registers: [registry],
    name: NAME,
    help: 'Time from a request to the end of its answer. Long-polls wait in it.',
    labelNames: ['service', 'method', 'route', 'status'],
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 35],
  });

/** Logs each call of a contract route at debug and times it. Health checks and scrapes would only be noise. */
export class RequestLogInterceptor implements NestInterceptor {
  constructor(
    private readonly service: string,
    private readonly logger: Logger,
    private readonly seconds: Histogram,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const bound: BoundCall | undefined = Reflect.getMetadata(CALL_METADATA, context.getHandler());
    if (bound) this.#watch(bound, context.switchToHttp().getRequest(), context.switchToHttp().getResponse());
    return next.handle();
  }

  #watch({ route }: BoundCall, request: HttpRequest, response: HttpResponse): void {
    const startMs = performance.now();
    response.once('close', () => {
      const durationMs = performance.now() - startMs;
      const status = response.writableFinished ? response.statusCode : 499;
      // The route's pattern, not the path: names in a path would make a series each.
      this.seconds.observe(
        { service: this.service, method: route.method, route: route.path, status },
        durationMs / 1000,
      );
      this.logger.debug(
        { method: request.method, path: request.path, status, durationMs: Math.round(durationMs) },
        'request',
      );
    });
  }
}
