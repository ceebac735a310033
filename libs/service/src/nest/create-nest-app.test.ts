import { createServer, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { ApiClient } from '@bpfleet/contract';
import { afterEach, describe, expect, it } from 'vitest';
import { createLogger } from '../logger.js';
import { createMetrics } from '../metrics.js';
import { api, CatsModule } from './cats-example.js';
import { createNestApp, type NestApp, type NestAppOptions } from './create-nest-app.js';
import { listen } from './listen.js';

const lines: string[] = [];
const logger = createLogger({ name: 'cats', level: 'debug', destination: { write: (line) => void lines.push(line) } });
const open: { close(): unknown }[] = [];
afterEach(async () => {
  lines.length = 0;
  for (const one of open.splice(0)) await one.close();
});

async function cats(options: Partial<NestAppOptions> = {}): Promise<NestApp> {
  const info = { title: 'cats', version: '1' };
  const module = { module: CatsModule };
  const app = await createNestApp(module, { name: 'cats', info, logger, metrics: createMetrics(), ...options });
  open.push(app);
  return app;
}
async function started(options: Partial<NestAppOptions> = {}): Promise<string> {
  return (await listen(await cats(options), { host: '127.0.0.1', port: 0, logger })).url;
}
interface Answer {
  code?: string;
  errors?: object[];
  paths: Record<string, Record<string, { responses: Record<string, { content: Record<string, object> }> }>>;
  components: { schemas: Record<string, { required: string[] }> };
}
const json = (response: Response) => response.json() as Promise<Answer>;
const post = (url: string, body: unknown, headers: Record<string, string> = { 'content-type': 'application/json' }) =>
  fetch(`${url}/api/cats/ann`, {
    method: 'POST',
    headers,
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });

describe('a route bound by @Call', () => {
  it('gets its parameters checked and filled in, and answers what the schema says', async () => {
    const response = await post(await started(), { name: 'tom' });
    expect(response.status).toBe(201);
    expect(await response.json()).toEqual({ name: 'tom', lives: 9, owner: 'ann' });
  });
  it('answers through the typed client', async () => {
    const client = new ApiClient({ server: await started() });
    expect(await client.call(api.listCats, { query: {} })).toEqual({ limit: 3 });
    expect(await client.call(api.dropCat, { path: { name: 'tom' } })).toBeUndefined();
  });
  it('may set headers and a status of its own', async () => {
    const url = await started();
    expect((await fetch(`${url}/api/cats`)).headers.get('etag')).toBe('"7"');
    const again = await fetch(`${url}/api/cats`, { headers: { 'if-none-match': '"7"' } });
    expect({ status: again.status, body: await again.text() }).toEqual({ status: 304, body: '' });
  });
});

describe('an app that listens', () => {
  it('takes an expression as long as the contract allows, and says of a longer question that it is', async () => {
    const server = await started();
    const escaped = (count: number) => '%3C'.repeat(count);
    expect((await fetch(`${server}/api/cats?filter=${escaped(65_536)}`)).status).toBe(400);
    const path = { name: '<'.repeat(100_000) };
    await expect(new ApiClient({ server }).call(api.dropCat, { path })).rejects.toMatchObject({
      code: 'REQUEST_INVALID',
      message: expect.stringContaining('longer than the server takes: 278528 bytes'),
    });
  });
  it('limits how long a body stands still, and not how long all of it takes', async () => {
    const app = await cats();
    await listen(app, { host: '127.0.0.1', port: 0, logger });
    expect(app.getHttpServer()).toMatchObject({ requestTimeout: 0, headersTimeout: 60_000 });
  });
});

describe('an error', () => {
  it('of ours keeps code, span and hint', async () => {
    const response = await post(await started(), { name: 'bad syntax' });
    expect(response.status).toBe(422);
    expect(response.headers.get('content-type')).toMatch('application/problem+json');
    expect(await response.json()).toEqual({
      type: 'about:blank',
      title: 'Unprocessable Entity',
      status: 422,
      code: 'FILTER_SYNTAX',
      detail: 'cats do not parse',
      hint: 'meow',
      span: { start: 4, end: 10 },
    });
  });
  it('of the request names each field, misspelt ones with the one that was meant', async () => {
    const response = await post(await started(), { name: 'x', lives: 'many', nmae: 1 });
    expect(response.status).toBe(400);
    const { code, errors } = await json(response);
    expect(code).toBe('REQUEST_INVALID');
    expect(errors).toEqual([
      expect.objectContaining({ path: 'name' }),
      expect.objectContaining({ path: 'lives' }),
      { path: 'nmae', message: 'no such field, did you mean "name"?' },
    ]);
  });
  it.each([
    ['GET', '/api/cats?limit=1%00', 'query.limit'],
    ['DELETE', '/api/cats/tom%00', 'path.name'],
  ])('of a NUL in %s %s says where', async (method, path, where) => {
    const response = await fetch((await started()) + path, { method });
    expect(response.status).toBe(400);
    expect((await json(response)).errors).toEqual([{ path: where, message: 'holds a NUL' }]);
  });
  it('in the query says so', async () => {
    const { errors } = await json(await fetch(`${await started()}/api/cats?limit=9`));
    expect(errors).toEqual([expect.objectContaining({ path: 'query.limit' })]);
  });
  it.each([
    ['a body that is not JSON', '{', /not JSON/],
    ['a body of null', 'null', /not valid/],
  ])('refuses %s', async (_, body, detail) => {
    const response = await post(await started(), body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: 'REQUEST_INVALID', detail: expect.stringMatching(detail) });
  });
  it.each([
    ['application/x-www-form-urlencoded', { 'content-type': 'application/x-www-form-urlencoded' }],
    // What `fetch` says of a text.
    ['text/plain', {}],
  ])('refuses a body of %s, and says what is read', async (type, headers) => {
    const response = await post(await started(), { name: 'tom' }, headers);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      code: 'REQUEST_INVALID',
      detail: expect.stringContaining(type),
      hint: expect.stringContaining('application/json'),
    });
  });
  it('refuses a body over the limit', async () => {
    const response = await post(await started(), { name: 'x'.repeat(1024 * 1024) });
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({ code: 'REQUEST_INVALID' });
  });
  it('knows no such path', async () => {
    const response = await fetch(`${await started()}/api/dogs`);
    expect(response.status).toBe(404);
    expect(response.headers.get('content-type')).toMatch('application/problem+json');
    expect(await response.json()).toMatchObject({ code: 'NOT_FOUND', detail: 'there is no GET /api/dogs' });
  });
  it('that may pass says when to try again', async () => {
    const response = await post(await started(), { name: 'away' });
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1']);
  });
  it('that nobody expected is told as such, and its cause only to the log', async () => {
    const response = await post(await started(), { name: 'defect' });
    expect(response.status).toBe(500);
    expect(await response.text()).not.toMatch(/secret|at /);
    expect(lines.find((line) => line.includes('request failed'))).toMatch(/internal secret.*stack/);
  });
  it('is answered without the headers of the answer that failed, to HTTP/1.0 as well', async () => {
    const body = JSON.stringify({ name: 'defect behind headers' });
    const { port } = new URL(await started());
    const socket = connect(Number(port), '127.0.0.1');
    const head = `POST /api/cats/ann HTTP/1.0\r\ncontent-type: application/json\r\ncontent-length: ${body.length}`;
    socket.end(`${head}\r\n\r\n${body}`);
    const answer = await text(socket);
    expect(answer).toMatch(/^HTTP\/1.1 500.*"INTERNAL"/s);
    expect(answer).not.toMatch(/^(trailer|etag):/im);
  });
  it('that cannot be written breaks the connection, and is logged', async () => {
    const app = await cats();
    // As a middleware may do it that knows no better.
    app.use((_request: unknown, response: ServerResponse, next: () => void) => {
      response.end = () => {
        throw new Error('cannot be written');
      };
      next();
    });
    const { url } = await listen(app, { host: '127.0.0.1', port: 0, logger });
    await expect(post(url, { name: 'defect' })).rejects.toThrow('fetch failed');
    expect(lines.join('')).toMatch(/could not answer/);
  });
});

describe('what every service has', () => {
  it('is alive, and ready when all it needs is there', async () => {
    let database: Promise<unknown> = Promise.reject(new Error('no database'));
    database.catch(() => undefined);
    const url = await started({ readiness: [{ name: 'postgres', check: () => database }] });
    expect((await fetch(`${url}/healthz/live`)).status).toBe(200);
    const notReady = await fetch(`${url}/healthz/ready`);
    expect(notReady.status).toBe(503);
    expect(await notReady.json()).toEqual({ status: 'not ready', checks: { postgres: 'no database' } });
    database = Promise.resolve();
    expect((await fetch(`${url}/healthz/ready`)).status).toBe(200);
  });
  it('times its calls by route, not by path', async () => {
    const url = await started();
    await post(url, { name: 'tom' });
    const metrics = async () => (await fetch(`${url}/metrics`)).text();
    await expect
      .poll(metrics)
      .toMatch(
        /bpfleet_http_request_seconds_count{service="cats",method="POST",route="\/api\/cats\/{owner}",status="201"} 1/,
      );
    expect(await metrics()).toMatch(/process_cpu_seconds_total/);
  });
  it('documents its routes and shows the document as a page', async () => {
    const url = await started();
    const document = await json(await fetch(`${url}/openapi.json`));
    expect(Object.keys(document.paths)).toEqual(['/api/cats', '/api/cats/{name}', '/api/cats/{owner}']);
    expect(document.paths['/api/cats']?.get).toMatchObject({
      operationId: 'listCats',
      tags: ['cats'],
      parameters: [{ name: 'limit', in: 'query', required: false, description: 'how many', schema: { default: 3 } }],
    });
    expect(document.paths['/api/cats/{owner}']?.post?.responses['201']?.content['application/json']).toEqual({
      schema: { $ref: '#/components/schemas/addCatAnswer' },
    });
    expect(document.components.schemas.addCatBody?.required).toEqual(['name']);
    expect(document.components.schemas.addCatAnswer?.required).toEqual(['name', 'lives', 'owner']);
    expect(await (await fetch(`${url}/docs`)).text()).toMatch('swagger-ui');
  });
  it('says which port is taken and what to do', async () => {
    const url = new URL(await started());
    const second = listen(await cats(), { host: url.hostname, port: Number(url.port), logger });
    await expect(second).rejects.toMatchObject({
      code: 'PORT_TAKEN',
      message: `port ${url.port} on 127.0.0.1 is taken`,
      hint: expect.stringContaining('BPFLEET_PORT'),
    });
  });
  it('says that an address is not of this host', async () => {
    await expect(listen(await cats(), { host: '192.0.2.1', port: 0, logger })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    });
  });
  it('warns when others than this host may reach it', async () => {
    await listen(await cats(), { host: '0.0.0.0', port: 0, logger });
    expect(lines.filter((line) => line.includes('"warn"'))).toEqual([expect.stringMatching('without authentication')]);
  });
});

describe('two services in one process', () => {
  it('answer behind one server, each with its own document and one registry', async () => {
    const metrics = createMetrics();
    const apps = await Promise.all(
      ['a', 'b'].map(async (name) => {
        const paths = { openApiPath: `/openapi/${name}.json`, docsPath: `/docs/${name}` };
        const app = await cats({ name, metrics, info: { title: name, version: '1' }, ...paths });
        await app.init();
        return app.getHttpAdapter().getInstance() as Parameters<typeof createServer>[1] & object;
      }),
    );
    const server: Server = createServer((request, response) =>
      apps[request.url?.includes('/b') ? 1 : 0]!(request as never, response as never),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    open.push({ close: () => new Promise((resolve) => server.close(resolve)) });
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    for (const name of ['a', 'b']) {
      expect(await (await fetch(`${url}/openapi/${name}.json`)).json()).toMatchObject({ info: { title: name } });
      expect((await fetch(`${url}/docs/${name}`)).status).toBe(200);
    }
  });
});
