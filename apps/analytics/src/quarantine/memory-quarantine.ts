import type { StoredPoison, WholePoison } from '@bpfleet/store';
import { QuarantineSource } from './quarantine-source.js';

/** A `QuarantineSource` over an array; for tests. */
export class MemoryQuarantine extends QuarantineSource {
  records: WholePoison[] = [];

  override async list(): Promise<StoredPoison[]> {
    return this.records;
  }

  override async get(id: string): Promise<WholePoison | undefined> {
    return this.records.find((record) => record.id === id);
  }

  override async remove(id: string): Promise<void> {
    this.records = this.records.filter((record) => record.id !== id);
  }
}
