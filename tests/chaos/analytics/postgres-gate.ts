import { type PostgresConnection, postgresThrough, TcpProxy } from '@bpfleet/test-environment';

/** Points of the transaction that writes one partition, by what a client sends there. */
export const transactionPoints = {
  'before it begins': (sent) => sent.at(-1)!.includes('BEGIN'),
  'within COPY': (sent) => sent.slice(0, -1).some((text) => text.includes('COPY analytics.section')),
  'before COMMIT': (sent) => sent.at(-1)!.includes('COMMIT'),
} satisfies Record<string, (sent: readonly string[]) => boolean>;
export type TransactionPoint = keyof typeof transactionPoints;

/** The way of one process to Postgres: it can be closed at a point of a transaction, so that what is sent there stays on it. */
export class PostgresGate {
  #open: () => void = () => {};
  #isClosed = false;

  private constructor(
    private readonly proxy: TcpProxy,
    /** `postgres://…` by this way. */
    readonly url: string,
  ) {}

  static async start(database: PostgresConnection): Promise<PostgresGate> {
    const proxy = await TcpProxy.start();
    return new PostgresGate(proxy, postgresThrough(proxy, database));
  }

  /** What was sent at the point, and everything behind it, is held. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Closes itself when the next transaction that writes this partition comes to the point. */
  closeAt(point: TransactionPoint, partition: number): void {
    const begin = new RegExp(`BEGIN; SET LOCAL application_name = 'bpfleet-ingest-[0-9a-f]+-${partition}'`);
    const sent: string[] = [];
    this.proxy.onClientBytes = (bytes) => {
      const text = bytes.toString('latin1');
      if (sent.length === 0 && !begin.test(text)) return;
      sent.push(text);
      if (!transactionPoints[point](sent)) return;
      this.proxy.onClientBytes = () => {};
      // Before it goes on: it is held with all that follows.
      this.#open = this.proxy.hold();
      this.#isClosed = true;
    };
  }

  open(): void {
    this.#open();
    this.#isClosed = false;
  }

  async stop(): Promise<void> {
    this.open();
    await this.proxy.stop();
  }
}
