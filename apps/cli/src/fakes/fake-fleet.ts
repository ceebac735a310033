import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import {
  type Agent,
  type AgentLedger,
  type Backtest,
  COMPLETENESS_TRAILER,
  type Completeness,
  controlApi,
  type Filter,
  type FlowList,
  type IdentityConflict,
  type ImportResult,
  NewFilterVersion,
  type PacketAnswer,
  type PacketDetail,
  type QuarantinedRecordDetail,
  queryApi,
  type Route,
  type StoreStatus,
  type Timeline,
  type Top,
} from '@bpfleet/contract';

type Answer = { status?: number; body?: unknown; raw?: (response: ServerResponse) => void };
type Handler = (call: {
  path: Record<string, string>;
  query: URLSearchParams;
  body: unknown;
  accept: string;
}) => Answer;

/** Both services of the contract in memory, on one port: enough of them to test a client. */
export class FakeFleet {
  readonly filters = new Map<string, Filter>();
  agents: Agent[] = [];
  answer: PacketAnswer | undefined;
  packet: PacketDetail | undefined;
  backtest: Backtest | undefined;
  imported: ImportResult | undefined;
  ledger: AgentLedger[] = [];
  quarantine: QuarantinedRecordDetail[] = [];
  conflicts: readonly IdentityConflict[] = [];
  storeStatus: StoreStatus | undefined;
  flows: FlowList | undefined;
  timeline: Timeline | undefined;
  top: Top | undefined;
  /** What `GET /packets` sends as pcapng, and how the answer ends: as it should, broken off, or never. */
  capture: { bytes: Uint8Array; ends?: 'broken' | 'never'; completeness?: Completeness } = { bytes: new Uint8Array() };
  /** What each `GET /tail` sends before its connection breaks; a number: a proxy says so, in its own words, that nobody is there. */
  readonly tails: (string | number)[] = [];
  /** Given instead of any answer. */
  problem: { status: number; [field: string]: unknown } | undefined;
  /** `METHOD path?query` of each request, in order. */
  readonly requests: string[] = [];
  /** JSON bodies, as the contract reads them, and bodies of other types, in order. */
  readonly bodies: unknown[] = [];
  readonly uploads: Buffer[] = [];
  /** Items of one page of a list. */
  pageSize = 2;
  readonly #routes: readonly [Route, Handler][] = [
    [controlApi.listFilters, ({ query }) => this.#page([...this.filters.values()], query)],
    [controlApi.createFilter, ({ body }) => this.#createFilter(body as Filter['latest'] & Filter)],
    [controlApi.getFilter, ({ path }) => this.#found(this.filters.get(path.name!), `filter ${path.name}`)],
    [controlApi.deleteFilter, ({ path }) => (this.filters.delete(path.name!) ? { status: 204 } : notFound('filter'))],
    [controlApi.createFilterVersion, ({ path, body }) => this.#addVersion(path.name!, body as Filter['latest'])],
    [
      controlApi.createAssignment,
      ({ body }) => this.#assign(body as { filter: string; version: number; selector: string }),
    ],
    [controlApi.listAgents, ({ query }) => this.#page(this.agents, query)],
    [
      controlApi.getAgent,
      ({ path }) =>
        this.#found(
          this.agents.find((agent) => agent.id === path.id),
          `agent ${path.id}`,
        ),
    ],
    [queryApi.listQuarantine, () => ({ body: { items: this.quarantine } })],
    [queryApi.listIdentityConflicts, () => ({ body: { items: this.conflicts } })],
    [queryApi.getQuarantined, ({ path }) => this.#found(this.#quarantined(path.id), `record ${path.id}`)],
    [queryApi.retryQuarantined, ({ path }) => this.#retry(path.id!)],
    [queryApi.createBacktest, () => ({ body: this.backtest })],
    [queryApi.importCapture, () => ({ body: this.imported })],
    [queryApi.getLedger, ({ query }) => this.#ledgerPage(query)],
    [queryApi.listFlows, () => this.#found(this.flows, 'flows')],
    [queryApi.getTimeline, () => this.#found(this.timeline, 'timeline')],
    [queryApi.getTop, () => this.#found(this.top, 'top')],
    [queryApi.tailPackets, () => ({ raw: (response) => sendTail(response, this.tails.shift() ?? '\n') })],
    [queryApi.getStoreStatus, () => this.#found(this.storeStatus, 'store')],
    [queryApi.getPacket, ({ path }) => this.#found(this.packet, `packet ${path.id}`)],
    [
      queryApi.listPackets,
      ({ accept }) => (accept.includes('pcapng') ? { raw: this.#sendCapture } : { body: this.answer }),
    ],
  ];
  readonly #server: Server = createServer((request, response) => void this.#handle(request, response));

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url!, 'http://fleet');
    this.requests.push(`${request.method} ${url.pathname}${decodeURIComponent(url.search)}`);
    const written = await buffer(request);
    const isJson = request.headers['content-type'] === 'application/json';
    if (!isJson && written.length > 0) this.uploads.push(written);
    const {
      status = 200,
      body,
      raw,
    } = this.problem
      ? { status: this.problem.status, body: { type: 'about:blank', title: 'refused', ...this.problem } }
      : this.#dispatch(request, url, isJson ? JSON.parse(written.toString()) : undefined);
    if (raw) return raw(response);
    response.writeHead(status, { 'content-type': status < 400 ? 'application/json' : 'application/problem+json' });
    response.end(body === undefined ? undefined : JSON.stringify(body));
  }

  #dispatch(request: IncomingMessage, url: URL, written: unknown): Answer {
    for (const [route, handler] of this.#routes) {
      const pattern = new RegExp(`^${route.path.replace(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`);
      const match = request.method === route.method ? pattern.exec(url.pathname) : null;
      if (!match) continue;
      const body = route.body?.parse(written);
      if (body !== undefined) this.bodies.push(body);
      return handler({
        path: { ...match.groups },
        query: url.searchParams,
        body,
        accept: request.headers.accept ?? '',
      });
    }
    return notFound(url.pathname);
  }

  #page<T>(all: readonly T[], query: URLSearchParams): Answer {
    const start = Number(query.get('cursor') ?? 0);
    const next = start + this.pageSize;
    return { body: { items: all.slice(start, next), ...(next < all.length ? { next: String(next) } : {}) } };
  }

  #quarantined(id: string | undefined): QuarantinedRecordDetail | undefined {
    return this.quarantine.find((record) => record.id === id);
  }

  #retry(id: string): Answer {
    const answer = this.#found(this.#quarantined(id), `record ${id}`);
    this.quarantine = this.quarantine.filter((record) => record.id !== id);
    return answer;
  }

  #ledgerPage(query: URLSearchParams): Answer {
    const behind = this.ledger.filter(({ agent }) => agent > (query.get('after') ?? ''));
    const agents = behind.slice(0, this.pageSize);
    return { body: { agents, ...(behind.length > agents.length ? { next: agents.at(-1)!.agent } : {}) } };
  }

  #found(value: unknown, what: string): Answer {
    return value === undefined ? notFound(what) : { body: value };
  }

  #createFilter({ name, description, ...version }: Filter['latest'] & Filter): Answer {
    const latest = { ...version, filter: name, version: 1, digest: digest(1), programs: [], createdAt: CREATED_AT };
    const filter: Filter = { name, description, latest, assignments: [], createdAt: CREATED_AT };
    this.filters.set(name, filter);
    return { status: 201, body: filter };
  }

  #addVersion(name: string, version: Filter['latest']): Answer {
    const filter = this.filters.get(name);
    if (!filter) return notFound(name);
    const number = filter.latest.version + 1;
    // As the service: what is left out is a default, not as it was.
    const latest = { ...filter.latest, ...NewFilterVersion.parse(version), version: number, digest: digest(number) };
    this.filters.set(name, { ...filter, latest });
    return { status: 201, body: latest };
  }

  #assign({ filter: name, version, selector }: { filter: string; version: number; selector: string }): Answer {
    const filter = this.filters.get(name);
    if (!filter) return notFound(name);
    const assignment = { id: `${name}/${selector}`, filter: name, version, selector, createdAt: CREATED_AT };
    const others = filter.assignments.filter((other) => other.selector !== selector);
    this.filters.set(name, { ...filter, assignments: [...others, assignment] });
    return { status: 201, body: assignment };
  }

  #sendCapture = (response: ServerResponse): void => {
    const { bytes, ends, completeness } = this.capture;
    response.writeHead(200, { 'content-type': 'application/x-pcapng', trailer: COMPLETENESS_TRAILER });
    if (completeness) response.addTrailers({ [COMPLETENESS_TRAILER]: JSON.stringify(completeness) });
    if (ends === undefined) response.end(bytes);
    else response.write(bytes, () => ends === 'broken' && response.destroy());
  };
}

function sendTail(response: ServerResponse, tail: string | number): void {
  if (typeof tail === 'string') response.write(tail, () => response.destroy());
  else response.writeHead(tail, { 'content-type': 'text/html' }).end('<h1>nobody is there</h1>');
}

const CREATED_AT = '2026-11-22T10:00:00.000Z';
const digest = (version: number) => `sha256:${String(version).padStart(64, '0')}`;

function notFound(what: string): Answer {
  const body = {
    type: 'about:blank',
    title: 'Not Found',
    status: 404,
    code: 'NOT_FOUND',
    detail: `there is no ${what}`,
  };
  return { status: 404, body };
}
