import { createHash } from 'node:crypto';
import type { LogPartition, ReceivedRecord } from '@bpfleet/bus';
import { encodeRecordHeaders, formatInstantNs, type ImportQuery, type ImportResult } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { readCaptureStream } from '@bpfleet/section';
import { Injectable } from '@nestjs/common';
import { type IngestParts, PartitionIngest } from '../ingest/partition-ingest.js';
import { type ImportedSection, SectionCutter } from './section-cutter.js';

/** What ingest is built on, but for the signatures: who may call the API may import. */
export abstract class ImportParts {
  abstract readonly ingest: Omit<IngestParts, 'signatures'>;
  /** Who imports, for the person who looks at the table of positions. */
  abstract readonly owner: string;
}

const BATCH_SECTIONS = 25;
/** Of the digest: names the agent. */
const NAME_DIGITS = 16;
const END_OF_LOG = 2n ** 62n;

/**
 * Stores capture files. The file is the log: its sections are the records of one partition, which goes through ingest as
 * Kafka's do. So the same file is stored once, and one that broke off goes on where it stopped.
 */
@Injectable()
export class ImportsService {
  constructor(private readonly parts: ImportParts) {}

  /**
   * @throws BpfleetError `CAPTURE_FILE_CORRUPT`; `REQUEST_INVALID` when the bytes are not those of the digest: what was
   *   stored of them stays under its name; `FENCED` when the same file is imported by another call
   */
  async import(
    body: AsyncIterable<Uint8Array>,
    { digest, name }: ImportQuery,
    signal: AbortSignal,
  ): Promise<ImportResult> {
    const agent = `import-${digest.slice('sha256:'.length).slice(0, NAME_DIGITS)}`;
    const partition: LogPartition = {
      ...{ logId: `import ${digest}`, topic: 'import', partition: 0 },
      bounds: async () => ({ first: 0n, end: END_OF_LOG }),
    };
    const parts: IngestParts = { ...this.parts.ingest, signatures: NO_SIGNATURES };
    const ingest = await PartitionIngest.take(partition, this.parts.owner, parts);
    const first = Number(ingest.next);
    const cutter = new SectionCutter(agent, name);
    const hash = createHash('sha256');
    let batch: ReceivedRecord[] = [];
    const store = async (section: ImportedSection | undefined, isLast = false): Promise<void> => {
      if (section && section.header.seq >= first) batch.push(recordOf(section));
      if (batch.length === 0 || (batch.length < BATCH_SECTIONS && !isLast)) return;
      await ingest.read(batch, signal);
      signal.throwIfAborted();
      batch = [];
    };
    for await (const packet of readCaptureStream(hashed(body, hash))) {
      const section = cutter.add(packet);
      if (section) await store(section);
    }
    await store(cutter.end(), true);
    await ingest.storeFlows(true);
    const found = `sha256:${hash.digest('hex')}`;
    if (found !== digest) {
      throw new BpfleetError('REQUEST_INVALID', `the file's digest is ${found}, the call says ${digest}`, {
        hint: 'did the file change while it was sent? Import it again when nobody writes to it',
      });
    }
    const { sections } = cutter.counts;
    const { span } = cutter;
    const times = span && {
      firstPacketAt: formatInstantNs(span.firstNs),
      lastPacketAt: formatInstantNs(span.lastNs),
    };
    return { agent, ...times, ...cutter.counts, stored: Math.max(0, sections - first) };
  }
}

const NO_SIGNATURES: IngestParts['signatures'] = {
  prepare: async () => {},
  judge: () => ({ sessionKey: undefined }),
};

const recordOf = ({ header, value }: ImportedSection): ReceivedRecord => ({
  ...{ key: header.agent, value, headers: encodeRecordHeaders(header) },
  ...{ offset: BigInt(header.seq), timestampMs: Number(header.tsMaxNs / 1_000_000n) },
});

async function* hashed(body: AsyncIterable<Uint8Array>, hash: ReturnType<typeof createHash>) {
  for await (const chunk of body) {
    hash.update(chunk);
    yield chunk;
  }
}
