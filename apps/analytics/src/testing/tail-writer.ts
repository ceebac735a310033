import { type HeldPosition, type IngestStore, type SectionRow } from '@bpfleet/store';
import { makeSection } from './sections.js';

const MS = 1_000_000n;

/** A writer of one partition that another one takes over from, again and again. */
export class TailWriter {
  #seq = 0;
  #offset = 0n;
  readonly written: string[] = [];

  constructor(
    private readonly store: IngestStore,
    private readonly partition: number,
    private readonly logId = 'log',
  ) {}

  async commits(sections: number, packets = 5, atMs = Date.now()): Promise<void> {
    const { logId, partition } = this;
    const position = await this.store.takePosition(logId, partition, `owner ${this.#seq}`);
    this.#offset = position.next;
    let held: HeldPosition = position;
    for (let commit = 0; commit < 2; commit++) {
      const rows = Array.from({ length: sections }, () => this.#section(packets, atMs));
      await this.store.commit({
        position: held,
        next: this.#offset,
        ...{ sections: rows, quarantined: [], losses: [] },
      });
      held = { ...held, next: this.#offset };
      for (const { agent, epoch, seq } of rows) {
        for (let index = 0; index < packets; index++) this.written.push(`${agent}.${epoch}.${seq}.${index}`);
      }
    }
  }

  #section(packets: number, atMs: number): SectionRow {
    // An offset without a section, now and then: a duplicate, or a record in quarantine.
    if (++this.#seq % 7 === 0) this.#offset++;
    const atNs = Array.from({ length: packets }, (_, index) => BigInt(atMs) * MS + BigInt(this.#seq * 10 + index));
    const agent = `host-${this.partition}`;
    const { header, value } = makeSection({ agent, epoch: 1, seq: this.#seq, filter: 'web@3', atNs });
    return { ...header, offset: this.#offset++, droppedByKernel: 0, clockSuspect: false, body: value };
  }
}
