import { BpfleetError } from '@bpfleet/errors';
import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common';
import type { Logger } from '../logger.js';
import { toProblem } from '../problem.js';
import type { HttpRequest, HttpResponse } from './http.js';

/** Seconds after which a caller may try again when something that the service needs is away. */
const RETRY_AFTER_S = 1;

/** They describe an answer that is not given. A trailer that was announced would even make this one fail. */
const CONTENT_HEADERS = ['Content-Disposition', 'Content-Length', 'Cache-Control', 'ETag', 'Trailer'];

/** Answers every error as problem+json (RFC 9457). What is not the caller's fault is logged with its cause. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly logger: Logger) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<HttpRequest>();
    const response = host.switchToHttp().getResponse<HttpResponse>();
    const { error, status } = asBpfleetError(thrown, request);
    const problem = toProblem(error, status);
    const call = { method: request.method, path: request.path, err: thrown };
    if (problem.status >= 500) this.logger.error(call, 'request failed');
    else this.logger.debug(call, 'request refused');
    if (response.headersSent) {
      // Half of a stream is out: only a broken connection tells the caller that it is not the whole answer.
      response.destroy();
      return;
    }
    for (const name of CONTENT_HEADERS) response.removeHeader(name);
    if (problem.status === 503) response.set('Retry-After', String(RETRY_AFTER_S));
    try {
      response.status(problem.status).type('application/problem+json').send(JSON.stringify(problem));
    } catch (err) {
      // Nobody behind this filter catches it: the process would end.
      this.logger.error({ ...call, err }, 'could not answer');
      response.destroy();
    }
  }
}

/** What Express and its body parser throw (`http-errors`): a status, and a `type` that names the reason. */
interface HttpError extends Error {
  readonly status: number;
  readonly type?: string;
  readonly limit?: number;
}

function asBpfleetError(thrown: unknown, request: HttpRequest): { error: unknown; status?: number } {
  if (thrown instanceof BpfleetError) return { error: thrown };
  const original = thrown instanceof HttpException ? (thrown.cause ?? thrown) : thrown;
  const status = thrown instanceof HttpException ? thrown.getStatus() : isHttpError(thrown) ? thrown.status : 500;
  if (status >= 500) return { error: thrown };
  if (status === 404) {
    return { error: new BpfleetError('NOT_FOUND', `there is no ${request.method} ${request.path}`), status };
  }
  return { error: new BpfleetError('REQUEST_INVALID', refusal(original), { cause: thrown }), status };
}

const isHttpError = (thrown: unknown): thrown is HttpError =>
  thrown instanceof Error && 'status' in thrown && typeof thrown.status === 'number';

function refusal(error: unknown): string {
  if (isHttpError(error) && error.type === 'entity.too.large') {
    return `the body is larger than ${error.limit} bytes`;
  }
  if (isHttpError(error) && error.type === 'entity.parse.failed') return `the body is not JSON: ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}
