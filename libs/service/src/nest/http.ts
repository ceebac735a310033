import type { IncomingMessage, ServerResponse } from 'node:http';

/** What we use of Express' request; Express itself has no types. */
export interface HttpRequest extends IncomingMessage {
  readonly method: string;
  readonly path: string;
  readonly params: Record<string, string>;
  readonly query: unknown;
  readonly body: unknown;
  get(header: string): string | undefined;
}

/** What we use of Express' response. */
export interface HttpResponse extends ServerResponse<HttpRequest> {
  status(code: number): this;
  set(header: string, value: string): this;
  type(mediaType: string): this;
  send(body: string): this;
}
