import type { CopyField } from '../copy/copy-decoder.js';

/** One stored section. Times in Unix ns. */
export interface StoredSection {
  readonly agent: string;
  readonly epoch: number;
  readonly seq: number;
  readonly tsMinNs: bigint;
  readonly tsMaxNs: bigint;
  readonly packets: number;
  /** Packets the kernel dropped since the agent's section before. */
  readonly droppedByKernel: number;
  readonly body: Buffer;
}

/** What `decodeSection` reads, in its order. */
export const SECTION_COLUMNS = 'agent, epoch, seq, ts_min, ts_max, packets, dropped_by_kernel, body';

export function decodeSection(fields: readonly CopyField[]): StoredSection {
  // All columns are NOT NULL; a query may leave the body out.
  const [agent, epoch, seq, tsMin, tsMax, packets, dropped, body] = fields as Buffer[];
  return {
    agent: agent!.toString('utf8'),
    epoch: Number(epoch!.readBigInt64BE()),
    seq: Number(seq!.readBigInt64BE()),
    tsMinNs: tsMin!.readBigInt64BE(),
    tsMaxNs: tsMax!.readBigInt64BE(),
    packets: packets!.readInt32BE(),
    droppedByKernel: Number(dropped!.readBigInt64BE()),
    body: owned(body!),
  };
}

/** Of a field that lies within a chunk a copy: the whole chunk would stay in memory as long as the section does. */
const owned = (field: Buffer): Buffer => (field.byteLength === field.buffer.byteLength ? field : Buffer.from(field));
