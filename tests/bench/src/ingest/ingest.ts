import {
  CopyEncoder,
  type CopyTarget,
  copyIn,
  flowTarget,
  type HeldPosition,
  IngestStore,
  sectionTarget,
} from '@bpfleet/store';
import { startTemporaryStore, type TemporaryStore } from '@bpfleet/store/embedded';
import { alternate, type Round } from '../alternate.js';
import { type Benchmark, judged, type MeasuredRow, type Result, type RunOptions } from '../benchmark.js';
import { describePostgres } from '../postgres-settings.js';
import { type Batch, Batches, makeSections } from './section-source.js';

/** As many sections as analytics puts into one transaction. */
const BATCH_SECTIONS = 25;
/** Of one side, before the other has its turn. */
const ROUND_MS = 500;
const MADE_SECTIONS = 75;
const AGENTS = 5;
const BAR = 0.5;
const GOAL = 0.7;

/** Packets per second that go into Postgres, against a bare COPY of the same rows into a table of the same form. */
export const ingest: Benchmark = {
  name: 'ingest',
  title: 'IngestStore.commit against a bare COPY of the same rows',
  async run({ budgetMs, seed }: RunOptions): Promise<Result> {
    const start = performance.now();
    const made = makeSections(MADE_SECTIONS, seed, Math.floor(Date.now() / 1000));
    const packets = made.reduce((sum, section) => sum + section.packets, 0);
    const batches = new Batches(made, AGENTS, BATCH_SECTIONS);
    const temporary = await startTemporaryStore();
    try {
      const measured = new Measurement(temporary, batches);
      const rows = await measured.run(budgetMs - (performance.now() - start));
      const { rows: versions } = await temporary.pool.query<{ server_version: string }>('SHOW server_version');
      const workload =
        `batches of ${BATCH_SECTIONS} sections of 64 KiB, ${Math.round(packets / made.length)} ` +
        `packets cut at 128 bytes per section, ${AGENTS} agents, ${batches.next().flows.length} flow rows per batch in the second row; ` +
        'both commit each batch durably; the peer sends the same rows, encoded beforehand, into tables with the same ' +
        `indexes, without dedupe and position; ${await describePostgres(temporary.pool)}`;
      return { workload, seed, versions: { postgres: versions[0]!.server_version }, rows };
    } finally {
      await temporary.stop();
    }
  },
};

class Measurement {
  readonly #store: IngestStore;
  readonly #encoders = [new CopyEncoder(), new CopyEncoder()] as const;
  #position: HeldPosition | undefined;

  constructor(
    private readonly temporary: TemporaryStore,
    private readonly batches: Batches,
  ) {
    this.#store = new IngestStore(temporary.pool);
  }

  async run(budgetMs: number): Promise<MeasuredRow[]> {
    await this.temporary.pool.query(`
      CREATE TABLE bare_section (LIKE analytics.section INCLUDING ALL);
      CREATE TABLE bare_flow (LIKE analytics.flow INCLUDING ALL)`);
    this.#position = await this.#store.takePosition('bench', 0, 'bench');
    const rows: MeasuredRow[] = [];
    for (const withFlows of [false, true]) {
      const ours: Round = () => this.#rate((batch) => this.#commit(batch), withFlows);
      const peer: Round = () => this.#rate((batch, encoded) => this.#bareCopy(batch, encoded), withFlows);
      const comparison = await alternate(ours, peer, budgetMs / 2);
      rows.push(
        judged({
          ...{ bench: ingest.name, row: withFlows ? 'sections and flows' : 'sections', unit: 'packets/s' },
          ...{ bar: BAR, goal: GOAL, better: 'more', ...comparison },
        }),
      );
    }
    return rows;
  }

  /** Packets per second of one round. Making the rows, and emptying the tables before, is not counted. */
  async #rate(store: Store, withFlows: boolean): Promise<number> {
    await this.temporary.pool.query('TRUNCATE analytics.section, analytics.flow, bare_section, bare_flow');
    await this.temporary.pool.query('CHECKPOINT');
    let [elapsedMs, packets] = [0, 0];
    while (elapsedMs < ROUND_MS) {
      const batch = this.batches.next();
      const sections = this.#encode(sectionTarget, this.#encoders[0], batch.sections);
      const flows = this.#encode(flowTarget, this.#encoders[1], batch.flows);
      const start = performance.now();
      await store(withFlows ? batch : { ...batch, flows: [] }, { sections, flows });
      elapsedMs += performance.now() - start;
      packets += batch.sections.reduce((sum, section) => sum + section.packets, 0);
    }
    return packets / (elapsedMs / 1000);
  }

  async #commit({ sections, flows }: Batch): Promise<void> {
    const position = this.#position!;
    const next = position.next + BigInt(sections.length);
    const flush = { next: position.next, flows, minutes: [] };
    const result = await this.#store.commit({ position, next, sections, flows: flush, quarantined: [], losses: [] });
    if (result.stored !== sections.length) throw new Error(`stored ${result.stored} of ${sections.length} sections`);
    this.#position = { ...position, next, flowsNext: flush.next };
  }

  async #bareCopy({ flows }: Batch, encoded: Encoded): Promise<void> {
    const client = await this.temporary.pool.connect();
    if (flows.length > 0) await client.query('BEGIN');
    await copyIn(client, `bare_section (${sectionTarget.columns})`, encoded.sections);
    if (flows.length > 0) {
      await copyIn(client, `bare_flow (${flowTarget.columns})`, encoded.flows);
      await client.query('COMMIT');
    }
    client.release();
  }

  #encode<Row>(target: CopyTarget<Row>, encoder: CopyEncoder, rows: readonly Row[]): Uint8Array {
    encoder.begin();
    for (const row of rows) target.encode(encoder, this.#position!, row);
    return encoder.finish();
  }
}

/** The rows of a batch as the peer sends them. */
interface Encoded {
  readonly sections: Uint8Array;
  readonly flows: Uint8Array;
}
type Store = (batch: Batch, encoded: Encoded) => Promise<void>;
