import { BpfleetError } from '@bpfleet/errors';
import type { StoredPoison, WholePoison } from '@bpfleet/store';
import { Injectable } from '@nestjs/common';
import { Publisher } from './publisher.js';
import { QuarantineSource } from './quarantine-source.js';

@Injectable()
export class QuarantineService {
  constructor(
    private readonly quarantine: QuarantineSource,
    private readonly publisher: Publisher,
  ) {}

  /** @throws BpfleetError `NOT_FOUND` */
  async record(id: string): Promise<WholePoison> {
    const found = /^\d{1,18}$/.test(id) ? await this.quarantine.get(id) : undefined;
    if (found) return found;
    throw new BpfleetError('NOT_FOUND', `no record ${id} is in quarantine`, {
      hint: 'bpfleet quarantine list names those that are; one that was retried is there no longer',
    });
  }

  /**
   * Publishes the record again: at a new offset, so that no reader has passed it by. What is still wrong with it puts it
   * into quarantine again; what is stored already is dropped as any record that is sent twice.
   */
  async retry(id: string): Promise<StoredPoison> {
    const { headers, body, ...record } = await this.record(id);
    await this.publisher.publish({ key: record.key, value: body, headers });
    // Only now: between the two it is in both places, never in none.
    await this.quarantine.remove(id);
    return record;
  }
}
