import type { SectionSignature } from '@bpfleet/contract';
import type { SectionIndex } from '@bpfleet/pruning';
import type { FlowFlush } from './flows/flow-row.js';

/** One record of the log that is a valid section, as it is stored. Times in Unix ns. */
export interface SectionRow {
  readonly offset: bigint;
  readonly agent: string;
  readonly epoch: number;
  readonly seq: number;
  /** zlib's CRC-32 of `body`. */
  readonly crc32: number;
  readonly tsMinNs: bigint;
  readonly tsMaxNs: bigint;
  readonly packets: number;
  /** `web@3`: the versions that matched a packet in here. */
  readonly filters: readonly string[];
  /** Packets the kernel dropped since the agent's section before. */
  readonly droppedByKernel: number;
  /** The host's clock was far off when it captured this. */
  readonly clockSuspect: boolean;
  /** What the agent had counted when it closed this; undefined: it does not tell. */
  readonly counters?: SectionCounters | undefined;
  /** The key that signed it, raw, base64; undefined: nobody did. */
  readonly sessionKey?: string | undefined;
  /** As it came, for whoever publishes it again. */
  readonly signature?: SectionSignature | undefined;
  /** What queries leave it out by; undefined: nobody looked into it, so that they never do. */
  readonly index?: SectionIndex | undefined;
  readonly body: Uint8Array;
}

/** An agent's counters of packets since its epoch began. */
export interface SectionCounters {
  /** Taken from the rings. */
  readonly captured?: number | undefined;
  /** Of those, put into sections. */
  readonly kept?: number | undefined;
  /** By the kernel, before the agent had them. */
  readonly dropped?: number | undefined;
  /** The epoch before, as the process of this one found it when that one had ended: counters of its end, and when that was. */
  readonly before?: {
    readonly epoch: number;
    readonly captured: number;
    /** Of those, put into sections; undefined: it does not tell. */
    readonly kept?: number | undefined;
    readonly lost: number;
    readonly dropped: number;
    readonly aliveAtMs: number;
  };
}

/** One record that is kept aside because it cannot be stored, whole and with the reason. */
export interface QuarantineRow {
  readonly offset: bigint;
  /** A short code: `bad-headers`, `bad-crc`, `bad-structure`, `identity-conflict` … */
  readonly reason: string;
  readonly detail: string;
  /** As far as the headers could be read. */
  readonly agent?: string | undefined;
  readonly tsMinNs?: bigint | undefined;
  readonly tsMaxNs?: bigint | undefined;
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** Offsets that will never be read: `firstOffset` up to, not including, `endOffset`. */
export interface LossRow {
  readonly firstOffset: bigint;
  readonly endOffset: bigint;
  /** A short code: `retention`, `undecodable`, `log-replaced` … */
  readonly reason: string;
  readonly detail: string;
}

/** The right to go on in one partition of one log, from `next`. Lost as soon as another owner takes the partition. */
export interface HeldPosition {
  readonly logId: string;
  readonly partition: number;
  readonly next: bigint;
  /** Flows of the sections below it are stored; those of the sections from here to `next` are to be made. */
  readonly flowsNext: bigint;
  readonly fence: bigint;
  /** When the record before `next` was produced, where that is known. */
  readonly lastRecordMs?: number | undefined;
}

/** What one transaction stores: all of it, or nothing. */
export interface IngestBatch {
  readonly position: HeldPosition;
  /** Where to go on after this batch. */
  readonly next: bigint;
  /** When the record before `next` was produced, where this batch deals with it. */
  readonly lastRecordMs?: number | undefined;
  readonly sections: readonly SectionRow[];
  /** Stored before, and given up since: they are put back as they are, and counted nowhere a second time. */
  readonly putBack?: readonly SectionRow[];
  /** Flows of sections that earlier batches stored; most batches bring none. */
  readonly flows?: FlowFlush | undefined;
  readonly quarantined: readonly QuarantineRow[];
  readonly losses: readonly LossRow[];
}

export interface IngestResult {
  /** Sections. */
  readonly stored: number;
  /** Those: they were not stored before. */
  readonly fresh: readonly SectionRow[];
  /** Sections that were stored before. */
  readonly duplicates: number;
  /** Sections quarantined because another one with their (agent, epoch, seq) is stored, or another key signs their epoch. */
  readonly conflicts: number;
  /** Sections stored although a newer epoch of their agent had begun when they were captured. */
  readonly overlaps: number;
  /** In the stored sections. */
  readonly packets: number;
}
