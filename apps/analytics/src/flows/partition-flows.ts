import { readSection, type Section } from '@bpfleet/section';
import { type FlowFlush, type FlowRow, LoopShare, MinuteSums } from '@bpfleet/store';
import { FlowTable } from './flow-table.js';

/** When the flows of a partition are stored: what is not stored yet is made again by the next owner, and counted by questions. */
export const flowLimits = {
  ageMs: 5_000,
  packets: 500_000,
  /** In memory: some 100 bytes each, and some 1,000 while it becomes a row. */
  flows: 100_000,
  /** Of all agents and lists of versions; some 3,000 bytes each while its sums are made. */
  minutes: 10_000,
} as const;

/** What is taken between two looks at the clock. */
const FLOWS_AT_ONCE = 128;

/** Flows of the sections that one partition has stored, while they grow. */
export class PartitionFlows {
  readonly #table = new FlowTable();
  #sinceMs: number | undefined;

  /** @param section what `readSection` said of the body, where that is known */
  add(agent: string, body: Uint8Array, nowMs: number, section: Section = readSection(body)): void {
    this.#table.add(agent, section, body);
    this.#sinceMs ??= nowMs;
  }

  get isEmpty(): boolean {
    return this.#sinceMs === undefined;
  }

  isDue(nowMs: number): boolean {
    if (this.#sinceMs === undefined) return false;
    // A clock that is set back does not put it off.
    const isOld = nowMs >= this.#sinceMs + flowLimits.ageMs || nowMs < this.#sinceMs;
    const { packets, flows, minutes } = this.#table;
    return isOld || packets >= flowLimits.packets || minutes >= flowLimits.minutes || flows >= flowLimits.flows;
  }

  /**
   * What is to be stored now; begins anew. Nothing may be added meanwhile.
   * @param next behind the last section that was added
   */
  async take(next: bigint): Promise<FlowFlush> {
    const share = new LoopShare();
    const flows: FlowRow[] = [];
    const minutes = new MinuteSums();
    for (const flow of this.#table.rows()) {
      if (flows.length % FLOWS_AT_ONCE === 0) await share.next();
      flows.push(flow);
      minutes.addFlow(flow);
    }
    for (const other of this.#table.others()) minutes.addOther(other);
    this.#table.clear();
    this.#sinceMs = undefined;
    return { next, flows, minutes: minutes.rows() };
  }
}
