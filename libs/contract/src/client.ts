import { BpfleetError } from '@bpfleet/errors';
import type { z } from 'zod';
import { boundedAnswer } from './bounded-answer.js';
import { Problem } from './problem.js';
import type { Route } from './route.js';

/** `{ name: string }` for `/filters/{name}`. */
export type PathParameters<P extends string> = P extends `${string}{${infer Name}}${infer Rest}`
  ? { [K in Name]: string } & PathParameters<Rest>
  : unknown;
type Part<K extends string, T> = T extends z.ZodType ? { [P in K]: z.input<T> } : unknown;
/** Everything a call needs: path parameters, `query` and `body`, each typed by the route. */
export type CallInput<R extends Route> = (PathParameters<R['path']> extends infer P
  ? unknown extends P
    ? unknown
    : { path: P }
  : never) &
  Part<'query', R['query']> &
  Part<'body', R['body']> & { headers?: Record<string, string>; upload?: Upload; signal?: AbortSignal };

/** A body that is sent as it is read. */
export interface Upload {
  readonly mediaType: string;
  readonly content: AsyncIterable<Uint8Array>;
}

export interface ClientOptions {
  /** `http://127.0.0.1:7420` */
  readonly server: string;
  readonly fetch?: typeof fetch;
  readonly headers?: Record<string, string>;
  /** What `call`, or a problem, has at most. Other answers of `send` are bounded by who reads them. */
  readonly maxAnswerBytes?: number;
}

/** Whether it is an http or https origin: the paths of routes would take the place of one of its own, and nobody logs in by a URL. */
export function isServerAddress(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, host, href } = new URL(text);
  return (protocol === 'http:' || protocol === 'https:') && href === `${protocol}//${host}/`;
}

/** More than any answer has that is read whole: a text of V8 ends at twice that. */
const MAX_ANSWER_BYTES = 256 * 1024 * 1024;

/** Calls the HTTP APIs by their routes: the CLI, the agent and the tests use this one. */
export class ApiClient {
  constructor(private readonly options: ClientOptions) {}

  /**
   * @returns the answer, checked by the route's schema
   * @throws BpfleetError with the server's code, hint and span; `SERVER_UNREACHABLE` when there is no answer, or a proxy's
   *   that says so; `INTERNAL` when the answer is not of this API, `ANSWER_TOO_LARGE` when it is longer than any of it
   */
  async call<R extends Route>(route: R, input: CallInput<R>): Promise<z.output<R['response']>> {
    const response = await this.send(route, input);
    const answer = response.status === 204 ? undefined : safeJson(await this.#textOf(response));
    const parsed = route.response.safeParse(answer);
    if (!parsed.success) throw unexpectedAnswer(response, parsed.error);
    return parsed.data as z.output<R['response']>;
  }

  /** As `call`, but hands out the raw response: for streams, ETags and 304. Fails on any status of 400 or more. */
  async send<R extends Route>(route: R, input: CallInput<R>): Promise<Response> {
    const { path, query, body, upload, headers, signal } = input as UntypedInput;
    const url = new URL(
      route.path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(path?.[name] ?? '')),
      this.options.server,
    );
    for (const [key, value] of Object.entries(query ?? {})) {
      if (value !== undefined) url.searchParams.set(key, String(value));
    }
    const response = await this.#fetch(url, {
      method: route.method,
      headers: {
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(upload === undefined ? {} : { 'content-type': upload.mediaType }),
        ...this.options.headers,
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(upload === undefined ? {} : streamed(upload)),
      ...(signal ? { signal } : {}),
    });
    if (response.status >= 400) throw problemOf(response, await this.#textOf(response));
    return response;
  }

  #textOf(response: Response): Promise<string> {
    return boundedAnswer(response, this.options.maxAnswerBytes ?? MAX_ANSWER_BYTES).text();
  }

  async #fetch(url: URL, init: RequestInit): Promise<Response> {
    try {
      return await (this.options.fetch ?? fetch)(url, init);
    } catch (cause) {
      if (init.signal?.aborted) throw cause;
      const reason = cause instanceof Error && cause.cause instanceof Error ? cause.cause.message : String(cause);
      throw new BpfleetError('SERVER_UNREACHABLE', `no answer from ${url.origin}: ${reason}`, {
        cause,
        hint: 'is it running, and is this its address (BPFLEET_SERVER)?',
      });
    }
  }
}

interface UntypedInput {
  path?: Record<string, string>;
  query?: Record<string, unknown>;
  body?: unknown;
  upload?: Upload;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** Sent while it is read: the answer is not waited for before the end (`duplex`). */
const streamed = ({ content }: Upload): Pick<RequestInit, 'body' | 'duplex'> => ({ body: content, duplex: 'half' });

/** Another kind of server, or one of another version. */
function unexpectedAnswer(response: Response, cause: z.ZodError): BpfleetError {
  const { path, message } = cause.issues[0]!;
  const place = path.length === 0 ? '' : `${path.join('.')}: `;
  return new BpfleetError('INTERNAL', `${response.url} gave an answer that is not of this API: ${place}${message}`, {
    cause,
    hint: 'is it bpfleet, of this version?',
  });
}

/** URI Too Long; Request Header Fields Too Large. Told by servers before any of their programs sees the request. */
const TOO_LONG: ReadonlySet<number> = new Set([414, 431]);

/** Bad Gateway, Service Unavailable, Gateway Timeout. Told by a proxy, in words of its own, where the server is away. */
const AWAY: ReadonlySet<number> = new Set([502, 503, 504]);

function problemOf(response: Response, text: string): BpfleetError {
  const problem = Problem.safeParse(safeJson(text));
  if (!problem.success && TOO_LONG.has(response.status)) {
    const { length } = response.url;
    return new BpfleetError(
      'REQUEST_INVALID',
      `the question is longer than the server takes: ${length} bytes as a URL`,
      {
        hint: 'write a shorter expression (net 10.0.0.0/8 for many hosts); a proxy in between may take less than bpfleet does',
      },
    );
  }
  if (!problem.success) {
    const message = `${response.url} answered ${response.status}: ${text.slice(0, 200)}`;
    if (!AWAY.has(response.status)) return new BpfleetError('INTERNAL', message);
    return new BpfleetError('SERVER_UNREACHABLE', message, {
      hint: 'a proxy says so: is bpfleet running behind it, and does it wait long enough for the answer?',
    });
  }
  const { code, detail, title, hint, span, errors } = problem.data;
  const fields = errors?.map((field) => `${field.path}: ${field.message}`).join('; ');
  const message = [detail ?? title, fields].filter(Boolean).join(': ');
  return new BpfleetError(code, message, { ...(span ? { span } : {}), ...(hint ? { hint } : {}) });
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON: a proxy's page or an empty answer. The caller reports its beginning.
    return undefined;
  }
}
