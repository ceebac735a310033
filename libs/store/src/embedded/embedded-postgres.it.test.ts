import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  access,
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { EmbeddedPostgres, type EmbeddedPostgresOptions, type PostgresExit } from './embedded-postgres.js';
import { postgresOn } from './orphans.js';

const isRoot = process.geteuid?.() === 0;
/** An empty database that was made once: copying it takes a fraction of initdb's time. */
let template: string;
let folder: string;
let started: EmbeddedPostgres[];

beforeAll(async () => {
  template = await mkdtemp(join(tmpdir(), 'bpfleet-embedded-'));
  const server = new EmbeddedPostgres({ dataDir: join(template, 'postgres') });
  await server.start();
  await server.stop();
});
afterAll(() => rm(template, { recursive: true, force: true }));
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bpfleet-embedded-'));
  started = [];
});
afterEach(async () => {
  await Promise.all(started.map((server) => server.stop()));
  await rm(folder, { recursive: true, force: true });
});

const dataDir = () => join(folder, 'postgres');

/** Before a test whose subject is not the first start. */
async function copyTemplate(): Promise<void> {
  await once(spawn('cp', ['-a', join(template, 'postgres'), dataDir()]), 'exit');
}

async function start(options: Partial<EmbeddedPostgresOptions> = {}) {
  const server = new EmbeddedPostgres({ dataDir: dataDir(), ...options });
  started.push(server);
  return { server, ...(await server.start()) };
}

async function ask(config: pg.ClientConfig, sql: string): Promise<unknown[]> {
  const client = new pg.Client(config);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

/** Resolves when `condition` holds; the test's own time limit is the deadline. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await delay(5);
}

/** Another process that starts a Postgres here and then lives until it is killed. */
async function startElsewhere(env: NodeJS.ProcessEnv = process.env): Promise<ChildProcess> {
  const program = `
    import { EmbeddedPostgres } from '@bpfleet/store/embedded';
    await new EmbeddedPostgres({ dataDir: process.argv[1] }).start();
    console.log('ready');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, '--', dataDir()], {
    // Built code: Node cannot run the sources.
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const said = await Promise.race([once(child.stdout!, 'data'), once(child, 'exit')]);
  expect(String(said[0])).toBe('ready\n');
  return child;
}

describe('EmbeddedPostgres', () => {
  it('makes the database, keeps its rows over a restart, and leaves no process and no socket behind', async () => {
    const first = await start({ databases: ['alpha', 'beta'] });
    await ask({ ...first.connectionConfig, database: 'beta' }, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await first.server.stop();
    expect(await postgresOn(dataDir())).toEqual([]);
    await expect(access(first.connectionConfig.host)).rejects.toThrow('ENOENT');

    const second = await start({ databases: ['alpha', 'beta'] });
    expect(await ask({ ...second.connectionConfig, database: 'beta' }, 'SELECT answer FROM kept')).toEqual([
      { answer: 42 },
    ]);
    await second.server.stop();
    await second.server.stop();
  });

  it('opens no TCP port and lets nobody else reach the socket', async () => {
    await copyTemplate();
    const { connectionConfig } = await start();
    expect(await ask(connectionConfig, 'SHOW listen_addresses')).toEqual([{ listen_addresses: '' }]);
    expect((await stat(connectionConfig.host)).mode & 0o777).toBe(0o700);
  });

  it('works where the path of the data folder is too long for a socket', async () => {
    const { connectionConfig } = await start({ dataDir: join(folder, 'x'.repeat(120), 'postgres') });
    expect(await ask(connectionConfig, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it.skipIf(!isRoot)('works as root in a folder that only another user may enter (needs root)', async () => {
    const home = join(folder, 'home');
    await mkdir(home, { mode: 0o700 });
    await chown(home, 12_345, 12_345);
    const { connectionConfig, server } = await start({ dataDir: join(home, 'postgres') });
    expect(await ask(connectionConfig, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    const { uid } = await stat(join(home, 'postgres', 'PG_VERSION'));
    expect(uid).toBe(0);
    await server.stop();
    expect(await postgresOn(join(home, 'postgres'))).toEqual([]);
  });

  it('refuses a second start on the same folder while the first runs', async () => {
    await copyTemplate();
    const { connectionConfig } = await start();
    await expect(start()).rejects.toMatchObject({ code: 'DATA_IN_USE' });
    expect(await ask(connectionConfig, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('can be stopped while it starts, and started again', async () => {
    await copyTemplate();
    const server = new EmbeddedPostgres({ dataDir: dataDir() });
    const starting = server.start();
    await server.stop();
    await starting;
    expect(await postgresOn(dataDir())).toEqual([]);
    await server.start();
    await server.stop();
  });

  it('tells when Postgres ends by itself', async () => {
    await copyTemplate();
    let tell: (exit: PostgresExit) => void;
    const told = new Promise<PostgresExit>((resolve) => {
      tell = resolve;
    });
    await start({ onExit: (exit) => tell(exit) });
    const postmaster = Number.parseInt(await readFile(join(dataDir(), 'postmaster.pid'), 'utf8'), 10);
    process.kill(postmaster, 'SIGKILL');
    expect(await told).toMatchObject({ signal: 'SIGKILL' });
  });

  it('starts again after Postgres itself was killed', async () => {
    await copyTemplate();
    const { server } = await start();
    const postmaster = Number.parseInt(await readFile(join(dataDir(), 'postmaster.pid'), 'utf8'), 10);
    process.kill(postmaster, 'SIGKILL');
    await server.stop();
    const { connectionConfig } = await start();
    expect(await ask(connectionConfig, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });
});

describe('EmbeddedPostgres, when its process was killed', () => {
  it.each([
    ['ends with that process', 0],
    ['ends with that process as root in a folder of another user', 12_345],
  ])('%s', async (_, uid) => {
    await copyTemplate();
    if (uid !== 0 && isRoot) await chown(folder, uid, uid);
    const other = await startElsewhere();
    expect(await postgresOn(dataDir())).not.toEqual([]);
    other.kill('SIGKILL');
    await until(async () => (await postgresOn(dataDir())).length === 0);
  });

  it('stops a Postgres that outlived it, and goes on', async () => {
    await copyTemplate();
    // Without setpriv on the PATH nothing ties Postgres to its parent.
    const bin = join(folder, 'bin');
    await mkdir(bin);
    await symlink('/usr/bin/unshare', join(bin, 'unshare'));
    const other = await startElsewhere({ ...process.env, PATH: bin });
    other.kill('SIGKILL');
    await once(other, 'exit');
    const outlived = await postgresOn(dataDir());
    expect(outlived).not.toEqual([]);

    const { connectionConfig } = await start();
    expect(await ask(connectionConfig, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    const running = await postgresOn(dataDir());
    expect(running.filter((pid) => outlived.includes(pid))).toEqual([]);
  });

  it('does not stop a Postgres whose owner lives', async () => {
    await copyTemplate();
    const other = await startElsewhere();
    try {
      await expect(start()).rejects.toMatchObject({ code: 'DATA_IN_USE' });
      expect(await postgresOn(dataDir())).not.toEqual([]);
    } finally {
      other.kill('SIGKILL');
      await until(async () => (await postgresOn(dataDir())).length === 0);
    }
  });

  it('starts though the process id it left behind is another program by now', async () => {
    await copyTemplate();
    const { server } = await start();
    const pidFile = join(dataDir(), 'postmaster.pid');
    const lines = (await readFile(pidFile, 'utf8')).split('\n');
    await server.stop();
    // A sleeping program with that id: Postgres by itself takes it for a postmaster and refuses.
    const innocent = spawn('sleep', ['60']);
    await once(innocent, 'spawn');
    await writeFile(pidFile, [String(innocent.pid), ...lines.slice(1)].join('\n'));
    try {
      const { connectionConfig } = await start();
      expect(await ask(connectionConfig, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
      expect(innocent.exitCode).toBeNull();
    } finally {
      innocent.kill();
    }
  });

  it('removes what a killed initdb left', async () => {
    await mkdir(`${dataDir()}.unfinished-abc123`);
    await writeFile(join(`${dataDir()}.unfinished-abc123`, 'PG_VERSION'), '18\n');
    await start();
    expect(await readdir(folder)).toEqual(['postgres']);
  });
});

describe('EmbeddedPostgres, on a folder it cannot use', () => {
  it('names a database of a newer Postgres, and changes nothing', async () => {
    await copyTemplate();
    await writeFile(join(dataDir(), 'PG_VERSION'), '99\n');
    await expect(start()).rejects.toMatchObject({
      code: 'DATA_NEWER',
      message: expect.stringContaining('Postgres 99'),
    });
    expect(await readFile(join(dataDir(), 'PG_VERSION'), 'utf8')).toBe('99\n');
  });

  it.skipIf(!isRoot)('names the user to whom the folder belongs (needs root)', async () => {
    await copyTemplate();
    await chown(dataDir(), 12_345, 12_345);
    await expect(start()).rejects.toMatchObject({ code: 'DATA_FOREIGN', message: expect.stringContaining('12345') });
  });

  it('leaves a folder alone that holds other files', async () => {
    await mkdir(dataDir());
    await writeFile(join(dataDir(), 'thesis.txt'), 'years of work');
    await expect(start()).rejects.toMatchObject({ code: 'DATA_FOREIGN' });
    expect(await readdir(dataDir())).toEqual(['thesis.txt']);
  });

  it.each([
    ['a file is in the way', (path: string) => writeFile(path, '')],
    ['the folder is write-protected', (path: string) => mkdir(path, { mode: 0o500 })],
  ])('says that it cannot write where %s', async (_, make) => {
    const parent = join(folder, 'parent');
    await make(parent);
    await expect(start({ dataDir: join(parent, 'postgres') })).rejects.toMatchObject({
      code: 'DATA_NOT_WRITABLE',
      message: expect.stringContaining(parent),
    });
    await chmod(parent, 0o700);
  });

  it('takes an empty folder', async () => {
    await mkdir(dataDir());
    const { connectionConfig } = await start();
    expect(await ask(connectionConfig, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });
});
