import { cp, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { EmbeddedPostgres } from '@bpfleet/store/embedded';
import { notePostgres, type PostgresConnection } from '@bpfleet/test-environment';
import { SmallDisk } from '../rig/small-disk.js';

const [DATA_MIB, WAL_MIB] = [512, 160];
/** Segments of 16 MiB that nobody needs go at the next checkpoint. */
const SETTINGS = { min_wal_size: '32MB', max_wal_size: '64MB' };
const START_AGAIN_MS = 500;

/** A Postgres with its data on one small disk and its log on another; started again when it ends, as services are. */
export class CrampedPostgres {
  readonly log: string[] = [];
  #server: EmbeddedPostgres;
  #isStopping = false;
  #starting: Promise<unknown> = Promise.resolve();
  connection!: PostgresConnection;

  private constructor(
    readonly data: SmallDisk,
    readonly wal: SmallDisk,
  ) {
    this.#server = new EmbeddedPostgres({
      dataDir: join(data.path, 'data'),
      settings: SETTINGS,
      onLog: (line) => this.log.push(line),
      onExit: () => {
        this.#starting = this.#startAgain();
      },
    });
  }

  static async start(): Promise<CrampedPostgres> {
    const [data, wal] = await Promise.all([SmallDisk.mount(DATA_MIB), SmallDisk.mount(WAL_MIB)]);
    const postgres = new CrampedPostgres(data, wal);
    await postgres.#server.start();
    await postgres.#server.stop();
    const [here, there] = [join(data.path, 'data', 'pg_wal'), join(wal.path, 'pg_wal')];
    await cp(here, there, { recursive: true });
    await rm(here, { recursive: true });
    await symlink(there, here);
    postgres.connection = (await postgres.#server.start()).connectionConfig;
    await notePostgres(postgres.connection, 'embedded');
    return postgres;
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#starting;
    await this.#server.stop();
    await Promise.all([this.data.unmount(), this.wal.unmount()]);
  }

  async #startAgain(): Promise<void> {
    while (!this.#isStopping) {
      await this.#server.stop();
      const isStarted = await this.#server.start().then(
        () => true,
        (error: Error) => {
          this.log.push(error.message);
          return false;
        },
      );
      if (isStarted) return;
      await delay(START_AGAIN_MS);
    }
  }
}
