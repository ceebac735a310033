import { createHash } from 'node:crypto';
import type { BusRecord } from '@bpfleet/bus';
import type { Registry } from '@bpfleet/contract';
import { inRegistry, LoadAgent } from '../../bench/src/store/load-agent.js';
import { numberedFrames } from '../../e2e/numbered-traffic.js';

/** A section as it was given to the broker. */
export interface SentSection {
  readonly agent: string;
  readonly epoch: number;
  readonly seq: number;
  /** The number in its first packet; each one behind has the next. */
  readonly first: number;
  readonly packets: number;
  /** Capture time of its first packet; each one behind was captured 1 ns later. */
  readonly atMs: number;
  /** SHA-256 of its bytes, in hex: of each packet's content at its index, then. */
  readonly digest: string;
}

export const sectionId = ({ agent, epoch, seq }: Pick<SentSection, 'agent' | 'epoch' | 'seq'>): string =>
  `${agent}.${epoch}.${seq}`;

/** Sections of several agents, by the agent's own encoder and signer, whose every packet has a number of its own. */
export class KnownTraffic {
  /** All that were made, by `sectionId`. */
  readonly sections = new Map<string, SentSection>();
  packets = 0;
  readonly #agents: readonly { readonly id: string; readonly agent: LoadAgent; seq: number }[];

  /** @param names the agents' ids; their keys follow from them */
  constructor(
    readonly names: readonly string[],
    private readonly epoch = 1,
  ) {
    this.#agents = names.map((id) => ({ id, agent: new LoadAgent(id, epoch), seq: 0 }));
  }

  /** What a filter-manager tells of these agents. */
  get registry(): Registry['agents'] {
    return this.names.map(inRegistry);
  }

  /** The next section of one agent. @param agent its place among the names; any number, taken modulo */
  section(agent: number, packets: number, atMs = Date.now()): BusRecord {
    const one = this.#agents[agent % this.#agents.length]!;
    const { writer, interfaceId } = one.agent;
    const seconds = Math.floor(atMs / 1000);
    const nanoseconds = (atMs - 1000 * seconds) * 1_000_000;
    for (const [index, frame] of numberedFrames(this.packets, packets).entries()) {
      const { length } = frame;
      if (writer.append(interfaceId, seconds, nanoseconds + index, frame, 0, length, length, undefined, 0)) continue;
      throw new Error(`a section does not hold ${packets} packets`);
    }
    const record = one.agent.finish();
    const place = { agent: one.id, epoch: this.epoch, seq: one.seq++ };
    const digest = createHash('sha256').update(record.value).digest('hex');
    this.sections.set(sectionId(place), { ...place, first: this.packets, packets, atMs, digest });
    this.packets += packets;
    return record;
  }
}
