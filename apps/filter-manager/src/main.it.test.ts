import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { createDatabase, type PostgresConnection, type TestDatabase } from '@bpfleet/test-environment';
import { postgres, suiteRequires } from '@bpfleet/test-environment/requirements';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const built = existsSync(main) ? {} : { unavailable: 'filter-manager is not built: npm run build' };

suiteRequires('the process of filter-manager', { built, postgres: await postgres() }, ({ postgres: server }) => {
  let database: TestDatabase;
  const children: ChildProcess[] = [];
  beforeAll(async () => {
    database = await createDatabase(server.connection);
  });
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });
  afterAll(() => database.drop());

  function run(args: string[], environment: Record<string, string> = {}) {
    const child = spawn(process.execPath, [main, ...args], { env: { PATH: process.env.PATH, ...environment } });
    children.push(child);
    const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
    return { child, exited };
  }
  async function outcome(args: string[], environment?: Record<string, string>) {
    const { child, exited } = run(args, environment);
    const [code, stdout, stderr] = await Promise.all([exited, text(child.stdout), text(child.stderr)]);
    return { code, stdout, stderr };
  }

  it('explains itself', async () => {
    const { code, stdout } = await outcome(['--help']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^usage: /);
    expect(stdout).toMatch(/^BPFLEET_PORT +7420 +port to listen on$/m);
  });
  it('tells all mistakes of its environment and exits with 2', async () => {
    const { code, stderr } = await outcome([], { BPFLEET_PORT: 'x', BPFLEET_POSTGRES: 'y' });
    expect(code).toBe(2);
    expect(stderr).toMatch(/BPFLEET_PORT: .*\(it is "x"\)/);
    expect(stderr).toMatch(/BPFLEET_POSTGRES: nothing reads/);
    expect(stderr).toMatch(/BPFLEET_POSTGRES_URL: is required/);
  });
  it('refuses a command that it does not have', async () => {
    expect(await outcome(['migrat'])).toMatchObject({ code: 2, stderr: expect.stringContaining('migrat') });
  });
  it('prints its API document without a database', async () => {
    const child = spawn(process.execPath, [main.replace('main.js', 'openapi.js')]);
    children.push(child);
    expect(JSON.parse(await text(child.stdout))).toMatchObject({ openapi: '3.1.0' });
  });
  it('migrates, serves, and stops on SIGTERM', async () => {
    const environment = { BPFLEET_POSTGRES_URL: urlOf(database.connection), BPFLEET_PORT: '0' };
    expect(await outcome(['migrate'], environment)).toMatchObject({ code: 0, stderr: '' });
    const { child, exited } = run([], environment);
    const url = await new Promise<string>((resolve) => {
      createInterface({ input: child.stdout! }).on('line', (line) => {
        const { msg, url } = JSON.parse(line) as { msg: string; url?: string };
        if (msg === 'listening') resolve(url!);
      });
    });
    expect((await fetch(`${url}/healthz/ready`)).status).toBe(200);
    child.kill('SIGTERM');
    expect(await exited).toBe(0);
  });
});

/** A URL for a unix socket: the folder goes where a host name cannot (libpq, 34.1.1.2). */
function urlOf(connection: PostgresConnection): string {
  if (typeof connection === 'string') return connection;
  const { host, port, user, database } = connection;
  return `postgres://${user}@/${database}?host=${encodeURIComponent(host)}&port=${port}`;
}
