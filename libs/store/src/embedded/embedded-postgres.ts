import type { ChildProcess } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { BpfleetError } from '@bpfleet/errors';
import pg from 'pg';
import { findBinaries, type PostgresBinaries } from './binaries.js';
import { checkDataFolder, initialise, resolveDataFolder } from './data-folder.js';
import { type FolderLock, lockFolder } from './folder-lock.js';
import { findLauncher, type Launcher } from './launch.js';
import { endOrphans, postgresOn } from './orphans.js';
import { makeSocketFolder } from './socket-folder.js';

export interface EmbeddedPostgresOptions {
  /** The database's files; made when missing. Belongs to whoever starts first. */
  readonly dataDir: string;
  /** Databases to make when missing. The first is the one of `connectionConfig`. */
  readonly databases?: readonly string[];
  /** Settings of postgresql.conf, on top of ours. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Each line Postgres logs. */
  readonly onLog?: (line: string) => void;
  /** Postgres ended though nobody called `stop`. */
  readonly onExit?: (exit: PostgresExit) => void;
}

export interface PostgresExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The last lines it logged. */
  readonly log: readonly string[];
}

/** What `pg` needs to connect: a unix socket, no port, no password. */
export interface EmbeddedConnection {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
}

interface Running {
  readonly child: ChildProcess;
  readonly exited: Promise<unknown>;
  readonly lock: FolderLock;
  readonly socketFolder: string;
  /** From the first answer to the call of `stop`: an end in this time is nobody's wish. */
  isReady: boolean;
}

const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '',
  unix_socket_permissions: '0700',
  max_connections: '60',
  shared_buffers: '128MB',
  max_wal_size: '1GB',
  // Compiling a plan costs more than our short queries run.
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
};
const PORT = 5432;
const LOG_LINES_KEPT = 30;
const START_TIMEOUT_MS = 60_000;
const STOP_PATIENCE_MS = { SIGINT: 15_000, SIGQUIT: 5_000, SIGKILL: 5_000 } as const;

/**
 * A real Postgres from npm binaries, as a child of this process: reached through a unix socket that only this user can
 * open. Ends with this process, and copes with one that did not (see `endOrphans`). Start it from the main thread: the
 * kernel ends it with the thread that started it.
 */
export class EmbeddedPostgres {
  #running: Running | undefined;
  #starting: Promise<unknown> | undefined;
  #log: string[] = [];

  constructor(private readonly options: EmbeddedPostgresOptions) {}

  /**
   * Resolves when the database answers.
   * @throws BpfleetError `DATA_NOT_WRITABLE`, `DATA_FOREIGN`, `DATA_NEWER`, `DATA_IN_USE`, `PLATFORM_UNSUPPORTED`,
   *   `STORE_UNAVAILABLE` with what Postgres said
   */
  start(): Promise<{ connectionConfig: EmbeddedConnection }> {
    if (this.#starting) throw new Error('this Postgres was started already');
    const starting = this.#start();
    this.#starting = starting;
    starting.catch(() => {
      this.#starting = undefined;
    });
    return starting;
  }

  async #start(): Promise<{ connectionConfig: EmbeddedConnection }> {
    const [binaries, dataDir] = await Promise.all([findBinaries(), resolveDataFolder(this.options.dataDir)]);
    const launcher = await findLauncher([binaries.postgres, dataDir]);
    const lock = await lockFolder(dataDir);
    try {
      if (!(await checkDataFolder(dataDir, binaries))) await initialise(dataDir, binaries, launcher);
      return await this.#launch(dataDir, binaries, launcher, lock).catch(async (error: unknown) => {
        // One that was only just starting when its parent was killed: it was not to be seen in the first look.
        if ((await postgresOn(dataDir)).length === 0) throw error;
        return this.#launch(dataDir, binaries, launcher, lock);
      });
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  /** A fast shutdown: open transactions are rolled back, the files are left clean. May be called twice. */
  async stop(): Promise<void> {
    // Whoever called `start` learns of its failure.
    await this.#starting?.catch(() => {});
    const lock = this.#running?.lock;
    await this.#end();
    await lock?.release();
    this.#starting = undefined;
  }

  async #end(): Promise<void> {
    const running = this.#running;
    if (!running) return;
    running.isReady = false;
    for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
      running.child.kill(signal);
      const timeout = new AbortController();
      const late = delay(STOP_PATIENCE_MS[signal], true, { signal: timeout.signal }).catch(() => false);
      const isLate = await Promise.race([running.exited.then(() => false), late]);
      timeout.abort();
      if (!isLate) break;
    }
    await rm(running.socketFolder, { recursive: true, force: true });
    this.#running = undefined;
  }

  async #launch(
    dataDir: string,
    binaries: PostgresBinaries,
    launcher: Launcher,
    lock: FolderLock,
  ): Promise<{ connectionConfig: EmbeddedConnection }> {
    await endOrphans(dataDir);
    const socketFolder = await makeSocketFolder(dataDir);
    const settings = { ...SETTINGS, unix_socket_directories: socketFolder, ...this.options.settings };
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const running = this.#watch(
      launcher.spawn(binaries.postgres, ['-D', dataDir, '-p', String(PORT), ...flags]),
      lock,
      socketFolder,
    );
    try {
      const connectionConfig = await this.#connectable(running);
      running.isReady = true;
      return { connectionConfig };
    } catch (error) {
      await this.#end();
      throw error;
    }
  }

  #watch(child: ChildProcess, lock: FolderLock, socketFolder: string): Running {
    this.#log = [];
    createInterface({ input: child.stderr! }).on('line', (line) => {
      this.#log.push(line);
      if (this.#log.length > LOG_LINES_KEPT) this.#log.shift();
      this.options.onLog?.(line);
    });
    const exited = new Promise<readonly [number | null, NodeJS.Signals | null]>((resolve) => {
      // Comes after the last line of the log.
      child.once('close', (code, signal) => resolve([code, signal]));
      // Instead of it, when the program could not be started.
      child.once('error', (error) => {
        this.#log.push(String(error));
        resolve([null, null]);
      });
    });
    const running: Running = { child, exited, lock, socketFolder, isReady: false };
    this.#running = running;
    void exited.then(([code, signal]) => {
      if (running.isReady) this.options.onExit?.({ code, signal, log: this.#log });
    });
    return running;
  }

  async #connectable({ exited, socketFolder }: Running): Promise<EmbeddedConnection> {
    const databases = this.options.databases ?? ['bpfleet'];
    const server = { host: socketFolder, port: PORT, user: 'postgres' };
    let isOver = false;
    const ended = exited.then(() => {
      isOver = true;
    });
    const deadline = performance.now() + START_TIMEOUT_MS;
    for (;;) {
      const outcome = await Promise.race([ended, makeDatabases({ ...server, database: 'postgres' }, databases)]);
      if (outcome === 'ready') return { ...server, database: databases[0] ?? 'postgres' };
      if (isOver || performance.now() > deadline) {
        throw new BpfleetError(
          'STORE_UNAVAILABLE',
          `Postgres did not start: ${this.#log.join('\n') || 'it said nothing'}`,
        );
      }
      await Promise.race([ended, delay(5)]);
    }
  }
}

/** 'not yet' as long as Postgres does not listen, or still replays its log (57P03, cannot_connect_now). */
async function makeDatabases(server: EmbeddedConnection, names: readonly string[]): Promise<'ready' | 'not yet'> {
  const client = new pg.Client(server);
  // A connection that ends after `end` has nobody else to tell.
  client.on('error', () => {});
  try {
    await client.connect();
  } catch (error) {
    if (['ENOENT', 'ECONNREFUSED', '57P03'].includes((error as NodeJS.ErrnoException).code ?? '')) return 'not yet';
    throw error;
  }
  try {
    const { rows } = await client.query<{ datname: string }>('SELECT datname FROM pg_database');
    for (const name of names) {
      if (rows.some((row) => row.datname === name)) continue;
      await client.query(`CREATE DATABASE ${pg.escapeIdentifier(name)}`);
    }
    return 'ready';
  } finally {
    await client.end();
  }
}
