import { Controller, Get, Header, Inject, Res } from '@nestjs/common';
import type { Registry } from '../metrics.js';
import type { HttpResponse } from './http.js';

/** Asks something that the service needs whether it is there. */
export interface ReadinessCheck {
  readonly name: string;
  /** Rejects when not ready; the reason is shown. */
  check(): Promise<unknown>;
}

export abstract class ServiceParts {
  abstract readonly readiness: readonly ReadinessCheck[];
  abstract readonly metrics: Registry;
}

const CHECK_TIMEOUT_MS = 2000;

/** What the platform asks: is the process alive, may it get traffic, what are its figures. */
@Controller()
export class HealthController {
  constructor(@Inject(ServiceParts) private readonly parts: ServiceParts) {}

  /** No look at anything else: a database that is away is no reason to restart the service. */
  @Get('/healthz/live')
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  @Get('/healthz/ready')
  async ready(@Res({ passthrough: true }) response: HttpResponse): Promise<{ status: string; checks: object }> {
    const results = await Promise.all(this.parts.readiness.map(outcome));
    const ready = results.every(([, result]) => result === 'ok');
    response.status(ready ? 200 : 503);
    return { status: ready ? 'ok' : 'not ready', checks: Object.fromEntries(results) };
  }

  @Get('/metrics')
  @Header('Content-Type', 'text/plain; version=0.0.4; charset=utf-8')
  async metrics(): Promise<string> {
    return this.parts.metrics.metrics();
  }
}

async function outcome({ name, check }: ReadinessCheck): Promise<[string, string]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${CHECK_TIMEOUT_MS} ms`)), CHECK_TIMEOUT_MS);
  });
  try {
    await Promise.race([check(), late]);
    return [name, 'ok'];
  } catch (error) {
    return [name, error instanceof Error ? error.message : String(error)];
  } finally {
    clearTimeout(timer);
  }
}
