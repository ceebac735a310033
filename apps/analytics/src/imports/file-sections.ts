import type { LogPartition, ReceivedRecord } from '@bpfleet/bus';
import { encodeRecordHeaders } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { readCapture } from '@bpfleet/section';
import type { HeldPosition, ImportAccount, IngestResult } from '@bpfleet/store';
import { prepareBatch } from '../ingest/batch.js';
import { commitLimits } from '../ingest/config.js';
import { DropCounters } from '../ingest/drop-counters.js';
import { type IngestParts, PartitionIngest } from '../ingest/partition-ingest.js';
import type { ImportedSection } from './section-cutter.js';

/** What the store does for imports; `ImportStore` implements it. */
export interface ImportedSections {
  kept(agent: string): Promise<ReadonlyMap<number, number>>;
  body(agent: string, seq: number): Promise<Uint8Array | undefined>;
  account(agent: string): Promise<ImportAccount | undefined>;
  remove(
    position: HeldPosition,
    agent: string,
    seqs: readonly number[],
    account: ImportAccount | undefined,
  ): Promise<void>;
  settle(position: HeldPosition, agent: string, account: ImportAccount): Promise<void>;
}

/** What ingest is built on, but for the signatures: who may call the API may import. */
export abstract class ImportParts {
  abstract readonly ingest: Omit<IngestParts, 'signatures'>;
  abstract readonly store: ImportedSections;
  /** Who imports, for the person who looks at the table of positions. */
  abstract readonly owner: string;
}

const END_OF_LOG = 2n ** 62n;
const noSignature = () => ({ sessionKey: undefined });

/**
 * The sections of one capture file on their way into the store, as records of a log of their own: a section's number is
 * its offset. Whether they are the file's is known at its end only. Until then no flows are made of them, and `takeBack`
 * removes them.
 */
export class FileSections {
  readonly #partition: LogPartition;
  readonly #drops = new DropCounters();
  /** From the first batch on: a body that has no section leaves nothing behind. */
  #position: HeldPosition | undefined;
  /** CRC by number, as it was before. */
  #kept: ReadonlyMap<number, number> = new Map();
  /** As it was before. */
  #accountBefore: ImportAccount | undefined;
  /** Of all that was added. */
  #account: ImportAccount | undefined;
  #batch: ImportedSection[] = [];
  /** Sections that were not stored before, and are now; after an error nobody knows of the last ones. */
  readonly #wanted: number[] = [];
  /** Where a section stands that is not this file's. */
  readonly #foreign: number[] = [];

  constructor(
    digest: string,
    private readonly agent: string,
    private readonly parts: ImportParts,
  ) {
    this.#partition = {
      ...{ logId: `import ${digest}`, topic: 'import', partition: 0 },
      bounds: async () => ({ first: 0n, end: END_OF_LOG }),
    };
  }

  /** How many were not stored before. */
  get stored(): number {
    return this.#wanted.length;
  }

  /** Takes the next section; stores it with some others. */
  async add(section: ImportedSection): Promise<void> {
    this.#batch.push(section);
    this.#account = withSection(section, this.#account);
    if (this.#batch.length === commitLimits.records) await this.#store();
  }

  /** Removes what was stored here: the bytes are not those of the digest, or not all of them came. */
  async takeBack(): Promise<void> {
    this.#batch = [];
    await this.#remove(this.#wanted);
  }

  /**
   * Stores the rest, and the flows of all: the bytes are those of the digest.
   * @throws BpfleetError `IDENTITY_CONFLICT` when an earlier call left something else under this name; it is removed
   */
  async end(): Promise<void> {
    await this.#store();
    if (this.#foreign.length > 0) {
      await this.#remove(this.#foreign);
      const count = this.#foreign.length;
      throw new BpfleetError(
        'IDENTITY_CONFLICT',
        `${count} sections of ${this.agent} were not this file's; they are removed`,
        {
          hint: 'a process that was killed had begun to import another file under its digest; import it once more',
        },
      );
    }
    if (this.#position === undefined) return;
    await this.parts.store.settle(this.#position, this.agent, this.#account!);
    const ingest = await PartitionIngest.take(this.#partition, this.parts.owner, {
      ...this.parts.ingest,
      signatures: { prepare: async () => {}, judge: noSignature },
    });
    await ingest.storeFlows(true);
  }

  async #remove(seqs: readonly number[]): Promise<void> {
    if (this.#position) await this.parts.store.remove(this.#position, this.agent, seqs, this.#accountBefore);
  }

  async #store(): Promise<void> {
    if (this.#batch.length === 0) return;
    const position = await this.#take();
    const sections: ImportedSection[] = [];
    for (const section of this.#batch) if (await this.#isWanted(section, position)) sections.push(section);
    this.#batch = [];
    if (sections.length === 0) return;
    const { store, nowMs } = this.parts.ingest;
    const batch = await prepareBatch(sections.map(recordOf), nowMs(), this.#drops, noSignature);
    const isNew = ({ offset }: { readonly offset: bigint }) => offset >= position.next;
    const last = BigInt(sections.at(-1)!.header.seq) + 1n;
    const next = last > position.next ? last : position.next;
    const putBack = batch.sections.filter((section) => !isNew(section));
    this.#wanted.push(...sections.map(({ header }) => header.seq));
    const result = await store.commit({
      ...{ position, next, putBack, losses: [] },
      sections: batch.sections.filter(isNew),
      quarantined: batch.quarantined.filter(isNew),
    });
    this.#position = { ...position, next };
    this.#count(result);
  }

  /** Below the position only what retention has given up since, or `takeBack` has removed. */
  async #isWanted({ header: { seq, crc32 }, value }: ImportedSection, position: HeldPosition): Promise<boolean> {
    if (seq >= position.next) return true;
    const kept = this.#kept.get(seq);
    if (kept === undefined) return true;
    if (kept === crc32) return false;
    // The file's name is in it, too: it may be another one today.
    const body = await this.parts.store.body(this.agent, seq);
    if (body !== undefined && !hasSamePackets(body, value)) this.#foreign.push(seq);
    return false;
  }

  async #take(): Promise<HeldPosition> {
    if (this.#position === undefined) {
      const { logId, partition } = this.#partition;
      this.#position = await this.parts.ingest.store.takePosition(logId, partition, this.parts.owner);
      this.#kept = await this.parts.store.kept(this.agent);
      this.#accountBefore = await this.parts.store.account(this.agent);
    }
    return this.#position;
  }

  #count({ stored, packets }: IngestResult): void {
    const { metrics } = this.parts.ingest;
    metrics.sections.inc(stored);
    metrics.packets.inc(packets);
  }
}

function hasSamePackets(a: Uint8Array, b: Uint8Array): boolean {
  const [first, second] = [[...readCapture(a)], [...readCapture(b)]];
  return (
    first.length === second.length &&
    first.every(({ atNs, linkType, wireLength, bytes }, index) => {
      const other = second[index]!;
      const isSameKind = linkType === other.linkType && wireLength === other.wireLength;
      return atNs === other.atNs && isSameKind && Buffer.compare(bytes, other.bytes) === 0;
    })
  );
}

function withSection({ header }: ImportedSection, account: ImportAccount | undefined): ImportAccount {
  const { seq, packets, tsMinNs, tsMaxNs } = header;
  const { firstNs, lastNs } = account ?? { firstNs: tsMinNs, lastNs: tsMaxNs };
  return {
    ...{ sections: seq + 1, packets: (account?.packets ?? 0) + packets },
    firstNs: firstNs < tsMinNs ? firstNs : tsMinNs,
    lastNs: lastNs > tsMaxNs ? lastNs : tsMaxNs,
  };
}

const recordOf = ({ header, value }: ImportedSection): ReceivedRecord => ({
  ...{ key: header.agent, value, headers: encodeRecordHeaders(header) },
  ...{ offset: BigInt(header.seq), timestampMs: Number(header.tsMaxNs / 1_000_000n) },
});
