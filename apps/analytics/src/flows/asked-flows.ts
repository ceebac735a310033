import { readSection } from '@bpfleet/section';
import {
  bothWays,
  type FlowQuery,
  type FlowRow,
  type FlowSnapshot,
  minuteSums,
  type StoredSum,
  type SumKeys,
} from '@bpfleet/store';
import { isVersionOf } from './flow-sum.js';
import { FlowTable } from './flow-table.js';

/** Packets without flows that are counted by reading their sections; a tenth of a second's work. More are only told. */
export const MOST_PENDING_PACKETS = 50_000;

/** What one question finds of flows: those stored, and those still to be made of the newest sections. */
export class AskedFlows {
  private constructor(
    readonly snapshot: FlowSnapshot,
    readonly query: FlowQuery,
    readonly pending: readonly FlowRow[],
    private readonly pendingTable: FlowTable,
    /** Packets stored, and not counted. */
    readonly packetsPending: number,
  ) {}

  static async read(snapshot: FlowSnapshot, query: FlowQuery): Promise<AskedFlows> {
    const { packets, sections } = await snapshot.pending(query, MOST_PENDING_PACKETS);
    const table = new FlowTable();
    for (const { agent, body } of sections) table.add(agent, readSection(body), body);
    return new AskedFlows(snapshot, query, [...table.rows()], table, sections.length > 0 ? 0 : packets);
  }

  /**
   * Sums by minute and hour, whatever the condition.
   * @param arrived told each as it comes; its `keys` are gone behind the call
   */
  async sums(keys: SumKeys, finest: 'minute' | 'hour', arrived: (sum: StoredSum) => void): Promise<void> {
    for (const sum of minuteSums(this.pending, this.pendingTable.others())) {
      if (this.#isAsked(sum)) arrived({ ...sum, keys: keys === 'none' ? new Uint8Array() : sum[keys] });
    }
    await this.snapshot.sums(this.query, keys, finest, arrived);
  }

  /** Packets of flows that the condition does not decide. */
  async notPlain(): Promise<number> {
    const isAsked = (flow: FlowRow) => !flow.isPlain && this.#isAsked({ ...flow, bucketNs: flow.firstNs });
    const pending = this.pending.filter(isAsked).reduce((sum, flow) => sum + bothWays(flow).packets, 0);
    return pending + (await this.snapshot.notPlain(this.query));
  }

  #isAsked({ bucketNs, agent, filters }: { bucketNs: bigint; agent: string; filters: string }): boolean {
    const { sinceNs, untilNs, agent: askedAgent, version } = this.query;
    return (
      bucketNs >= sinceNs &&
      bucketNs < untilNs &&
      (askedAgent === undefined || agent === askedAgent) &&
      (version === undefined || filters.split(',').some((name) => isVersionOf(name, version)))
    );
  }
}
