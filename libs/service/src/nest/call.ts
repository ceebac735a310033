import type { PathParameters, Route } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import {
  createParamDecorator,
  Delete,
  type ExecutionContext,
  Get,
  HttpCode,
  Post,
  Put,
  SerializeOptions,
  SetMetadata,
} from '@nestjs/common';
import type { z } from 'zod';
import { RequestInvalid } from '../problem.js';
import type { HttpRequest, HttpResponse } from './http.js';
import { type UnknownFields, validated } from './validation.js';

type Parsed<T> = T extends z.ZodType ? z.output<T> : undefined;

/** One request to a contract route, checked and typed by it: the first argument of a handler. */
export interface CallOf<R extends Route> {
  readonly path: PathParameters<R['path']>;
  readonly query: Parsed<R['query']>;
  readonly body: Parsed<R['body']>;
  /** A header of the request. */
  header(name: string): string | undefined;
  /** Aborted when the caller hangs up before it has its answer. */
  readonly signal: AbortSignal;
  readonly reply: {
    /** Returns nothing, for `return reply.status(304)`. */
    status(code: number): undefined;
    header(name: string, value: string): void;
  };
}

export interface CallOptions {
  /** Of an answer with content; default 200. A route without content answers 204. */
  readonly status?: number;
  /**
   * `refuse` (default) tells people about misspelt fields. `ignore` is for callers that are updated after the
   * service or before it, as agents are: a new field must not make an older service refuse them.
   */
  readonly unknownFields?: UnknownFields;
  /** Media types of the answer beside JSON, for the document; the handler writes those itself (`@Res`). */
  readonly produces?: readonly string[];
  /** For the document, as are the next two. */
  readonly summary?: string;
  /** Headers of the request that the handler reads, and what they do. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Other statuses that the handler answers with, and what they mean. */
  readonly alsoAnswers?: Readonly<Record<number, string>>;
}

/** What `@Call` leaves on a handler, for the OpenAPI document and for the request log. */
export interface BoundCall extends CallOptions {
  readonly route: Route;
}
export const CALL_METADATA = 'bpfleet:call';

type Handler<R extends Route> = (
  call: CallOf<R>,
  ...rest: never[]
) => Promise<z.input<R['response']> | undefined> | z.input<R['response']> | undefined;

const methods = { GET: Get, POST: Post, PUT: Put, DELETE: Delete } as const;

/**
 * Binds a controller's method to a route of the contract: method, path, checks of the request and of the answer all
 * come from there, and so does the OpenAPI document. The handler takes a `CallOf<typeof theRoute>`.
 */
export function Call<const R extends Route>(route: R, options: CallOptions = {}) {
  const bound: BoundCall = { route, ...options };
  const empty = hasNoContent(route);
  return <H extends Handler<R>>(target: object, name: string, descriptor: TypedPropertyDescriptor<H>): void => {
    const decorators: MethodDecorator[] = [
      methods[route.method](route.path.replace(/\{(\w+)\}/g, ':$1')),
      HttpCode(empty ? 204 : (options.status ?? 200)),
      SetMetadata(CALL_METADATA, bound),
      ...(empty ? [] : [SerializeOptions({ schema: route.response })]),
    ];
    for (const decorate of decorators) decorate(target, name, descriptor);
    ReadCall(bound)(target, name, 0);
  };
}

export const hasNoContent = (route: Route): boolean => route.response._zod.def.type === 'undefined';

const ReadCall = createParamDecorator((bound: BoundCall, context: ExecutionContext): CallOf<Route> => {
  const http = context.switchToHttp();
  return readCall(bound, http.getRequest<HttpRequest>(), http.getResponse<HttpResponse>());
});

/** No text that is stored holds a NUL: Postgres would refuse to compare with one. */
function refuseNul(parameters: unknown, part: string): void {
  for (const [name, value] of Object.entries(parameters ?? {})) {
    if (String(value).includes('\0')) throw new RequestInvalid([{ path: `${part}.${name}`, message: 'holds a NUL' }]);
  }
}

/** @throws BpfleetError for a body of another type, which is not read: the caller would hear that there is none */
function bodyOf(request: HttpRequest): unknown {
  if (request.body !== undefined || request.headers['content-type'] === undefined) return request.body;
  const sent = request.headers['content-type'].slice(0, 80);
  throw new BpfleetError('REQUEST_INVALID', `the body is read as JSON alone, and was sent as "${sent}"`, {
    hint: "send the header content-type: application/json (curl: -H 'content-type: application/json')",
  });
}

function readCall(
  { route, unknownFields = 'refuse' }: BoundCall,
  request: HttpRequest,
  response: HttpResponse,
): CallOf<Route> {
  for (const part of ['params', 'query'] as const) refuseNul(request[part], part === 'params' ? 'path' : part);
  const hangUp = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) hangUp.abort();
  });
  return {
    path: request.params as CallOf<Route>['path'],
    query: route.query && validated(route.query, request.query, 'query', unknownFields),
    body: route.body && validated(route.body, bodyOf(request), undefined, unknownFields),
    header: (name) => request.get(name),
    signal: hangUp.signal,
    reply: {
      status: (code) => {
        response.status(code);
        return undefined;
      },
      header: (name, value) => void response.set(name, value),
    },
  };
}
