import { createHash, type Hash } from 'node:crypto';
import { formatInstantNs, type ImportQuery, type ImportResult } from '@bpfleet/contract';
import { BpfleetError, hasCode } from '@bpfleet/errors';
import { readCaptureStream } from '@bpfleet/section';
import { Injectable } from '@nestjs/common';
import { FileSections, ImportParts } from './file-sections.js';
import { SectionCutter } from './section-cutter.js';

/** Of the digest: names the agent. */
const NAME_DIGITS = 16;

/**
 * Stores capture files. The file is the log: its sections are the records of one partition. So the same file is stored
 * once, and one that broke off goes on where it stopped.
 */
@Injectable()
export class ImportsService {
  constructor(private readonly parts: ImportParts) {}

  /**
   * @throws BpfleetError `CAPTURE_FILE_CORRUPT`, but not where the file only ends inside a record; `REQUEST_INVALID` when
   *   the bytes are not those of the digest: nothing of either stays; `IDENTITY_CONFLICT` when an earlier call left others under its name;
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
    const agent = `import-${digest.slice('sha256:'.length).slice(0, NAME_DIGITS)}`;
    const file = new FileSections(digest, agent, this.parts);
    const cutter = new SectionCutter(agent, name);
    const hash = createHash('sha256');
    const upload = new HashedUpload(body, hash);
    let damage: string | undefined;
    try {
      for await (const packet of readCaptureStream(upload)) {
        const section = cutter.add(packet);
        if (section) await file.add(section);
        signal.throwIfAborted();
      }
    } catch (error) {
      if (!hasCode(error, 'CAPTURE_FILE_CORRUPT')) throw error;
      // Its writer was ended while it wrote: what came before is as good as ever.
      if (upload.isRead && cutter.counts.packets > 0) damage = error.message;
      else {
        await file.takeBack();
        throw error;
      }
    }
    const found = `sha256:${hash.digest('hex')}`;
    if (found !== digest) {
      await file.takeBack();
      throw new BpfleetError('REQUEST_INVALID', `the file's digest is ${found}, the call says ${digest}`, {
        hint: 'did the file change while it was sent? Import it again when nobody writes to it',
      });
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

class HashedUpload implements AsyncIterable<Uint8Array> {
  /** To its end. */
  isRead = false;

  constructor(
    private readonly body: AsyncIterable<Uint8Array>,
    private readonly hash: Hash,
  ) {}

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, void> {
    for await (const chunk of this.body) {
      this.hash.update(chunk);
      yield chunk;
    }
    this.isRead = true;
  }
}
