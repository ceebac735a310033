import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedPostgres } from '@bpfleet/store/embedded';
import { notePostgres, type PostgresConnection, postgresThrough, TcpProxy } from '@bpfleet/test-environment';
import { postgresOn } from '../../../libs/store/src/embedded/orphans.js';

/** A Postgres as it is installed, durable as by default, that can be killed, and a way to it that can fail as networks do. */
export class MortalPostgres {
  #server: EmbeddedPostgres | undefined;
  #connection: PostgresConnection = '';

  private constructor(
    private readonly folder: string,
    private readonly proxy: TcpProxy,
    /** For whoever looks on: it never falls silent. */
    private readonly safeProxy: TcpProxy,
  ) {}

  static async start(): Promise<MortalPostgres> {
    const folder = await mkdtemp(join(tmpdir(), 'bpfleet-mortal-'));
    const postgres = new MortalPostgres(folder, await TcpProxy.start(), await TcpProxy.start());
    await postgres.restart();
    await notePostgres(postgres.#connection, 'embedded');
    return postgres;
  }

  /** `postgres://…`; it stays the same when Postgres starts again. */
  get url(): string {
    return postgresThrough(this.safeProxy, this.#connection);
  }

  /** The same database by the way that can fail. */
  byWay(url: string): string {
    return Object.assign(new URL(url), { port: this.proxy.port }).href;
  }

  /** Ends the postmaster and all its children as `kill -9` does, all at once. */
  async kill(): Promise<void> {
    for (const pid of await postgresOn(this.#dataDir)) process.kill(pid, 'SIGKILL');
    await this.#server?.stop();
    this.#server = undefined;
  }

  /** Resolves when it answers: its log has been replayed. */
  async restart(): Promise<void> {
    this.#server = new EmbeddedPostgres({ dataDir: this.#dataDir });
    this.#connection = (await this.#server.start()).connectionConfig;
    postgresThrough(this.safeProxy, this.#connection);
    this.comeBack();
  }

  /** Connections break, and new ones are refused. */
  leave(): void {
    this.proxy.forwardTo(undefined);
    this.proxy.reset();
  }

  /** Connections stay open on both sides, and nothing arrives any more; so do new ones. */
  fallSilent(): void {
    this.proxy.freeze();
  }

  /** New connections work again. What fell silent stays so. */
  comeBack(): void {
    postgresThrough(this.proxy, this.#connection);
    this.proxy.thaw();
  }

  async stop(): Promise<void> {
    await Promise.all([this.proxy.stop(), this.safeProxy.stop()]);
    await this.#server?.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  get #dataDir(): string {
    return join(this.folder, 'data');
  }
}
