import { createHash } from 'node:crypto';
import { formatInstantNs, type ImportQuery, type ImportResult } from '@bpfleet/contract';
import { BpfleetError, hasCode } from '@bpfleet/errors';
import { readCaptureStream } from '@bpfleet/section';
import { Injectable } from '@nestjs/common';
import { FileSections, ImportParts } from './file-sections.js';
import { importAgent } from './import-agent.js';
import { SectionCutter } from './section-cutter.js';

/**
 * Stores capture files. The file is the log: its sections are the records of one partition. So the same file is stored
 * once, and nothing of one that broke off: its bytes may be those of its digest, or not.
 */
@Injectable()
export class ImportsService {
  constructor(private readonly parts: ImportParts) {}

  /**
   * @throws BpfleetError `CAPTURE_FILE_CORRUPT`, but not where the file only ends inside a record; `REQUEST_INVALID` when
   *   the bytes are not those of the digest: nothing of either stays; `IDENTITY_CONFLICT` when a process that was killed
   *   left others under its name;
   *   `FENCED` when the same file is imported by another call
   */
  async import(body: AsyncIterable<Uint8Array>, query: ImportQuery, signal: AbortSignal): Promise<ImportResult> {
    try {
      return await this.#import(body, query, signal);
    } catch (error) {
      if (!hasCode(error, 'FENCED')) throw error;
      throw new BpfleetError('FENCED', `another call imports the file ${query.digest}`, {
        cause: error,
        hint: 'import it again when that has ended: what it stored is not stored twice',
      });
    }
  }

  async #import(
    body: AsyncIterable<Uint8Array>,
    { digest, name }: ImportQuery,
    signal: AbortSignal,
  ): Promise<ImportResult> {
    const agent = importAgent(digest);
    const file = new FileSections(digest, agent, this.parts);
    const cutter = new SectionCutter(agent, name);
    const upload = new HashedUpload(body);
    let damage: string | undefined;
    try {
      damage = await storePackets(upload, cutter, file, signal);
      upload.needs(digest);
    } catch (error) {
      // Also where the sender broke off: whether the bytes are the file's is not known, so they can get no flows.
      await file.takeBack();
      throw error;
    }
    // Only now: where a body was cut off, its last section is not the file's.
    const last = cutter.end();
    if (last) await file.add(last);
    await file.end();
    const { span } = cutter;
    const times = span && {
      firstPacketAt: formatInstantNs(span.firstNs),
      lastPacketAt: formatInstantNs(span.lastNs),
    };
    return { agent, ...times, ...cutter.counts, stored: file.stored, ...(damage === undefined ? {} : { damage }) };
  }
}

/** @returns where the file ends inside a record, if it does */
async function storePackets(
  upload: HashedUpload,
  cutter: SectionCutter,
  file: FileSections,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    for await (const packet of readCaptureStream(upload)) {
      const section = cutter.add(packet);
      if (section) await file.add(section);
      signal.throwIfAborted();
    }
    return undefined;
  } catch (error) {
    // Its writer was ended while it wrote: what came before is as good as ever.
    const isOnlyCut = hasCode(error, 'CAPTURE_FILE_CORRUPT') && upload.isRead && cutter.counts.packets > 0;
    if (isOnlyCut) return error.message;
    throw error;
  }
}

class HashedUpload implements AsyncIterable<Uint8Array> {
  /** To its end. */
  isRead = false;
  readonly #hash = createHash('sha256');

  constructor(private readonly body: AsyncIterable<Uint8Array>) {}

  /** Of a body that is read. @throws BpfleetError `REQUEST_INVALID` when its bytes are not those of the digest */
  needs(digest: string): void {
    const found = `sha256:${this.#hash.digest('hex')}`;
    if (found === digest) return;
    throw new BpfleetError('REQUEST_INVALID', `the file's digest is ${found}, the call says ${digest}`, {
      hint: 'did the file change while it was sent? Import it again when nobody writes to it',
    });
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, void> {
    for await (const chunk of this.body) {
      this.#hash.update(chunk);
      yield chunk;
    }
    this.isRead = true;
  }
}
