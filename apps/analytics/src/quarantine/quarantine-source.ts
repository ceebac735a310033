import type { QuarantineSelection, StoredPoison, WholePoison } from '@bpfleet/store';

/** Records that were put aside; `QuarantineStore` of the store implements it. */
export abstract class QuarantineSource {
  /** The newest first. */
  abstract list(selection: QuarantineSelection): Promise<StoredPoison[]>;
  abstract get(id: string): Promise<WholePoison | undefined>;
  abstract remove(id: string): Promise<void>;
}
