import type { RetentionPolicy } from '@bpfleet/store';
import { z } from 'zod';

const Hours = z.coerce.number().int().min(1).max(876_000);
const Bytes = z.coerce.number().int().min(1);

const GIB = 1024 ** 3;

/** How long each class of rows is kept, and how large it may become; what ends first counts. */
export const RetentionConfig = z.object({
  keepSectionHours: Hours.default(168).describe('give packets up so long after their ingest'),
  keepSectionBytes: Bytes.default(50 * GIB).describe('give the oldest packets up when all take more on disk'),
  keepFlowHours: Hours.default(720).describe('the same of flows'),
  keepFlowBytes: Bytes.default(10 * GIB).describe('the same of flows'),
  keepRollupHours: Hours.default(8760).describe('the same of sums by minute and hour'),
  keepRollupBytes: Bytes.default(5 * GIB).describe('the same of sums by minute and hour'),
  keepQuarantineHours: Hours.default(720).describe('the same of records in quarantine'),
  keepQuarantineBytes: Bytes.default(GIB).describe('the same of records in quarantine'),
  keepLossHours: Hours.default(8760).describe('the same of what is known to be lost'),
});
export type RetentionConfig = z.infer<typeof RetentionConfig>;

export const retentionPolicy = (config: RetentionConfig): RetentionPolicy => ({
  section: { hours: config.keepSectionHours, bytes: config.keepSectionBytes },
  flow: { hours: config.keepFlowHours, bytes: config.keepFlowBytes },
  rollup: { hours: config.keepRollupHours, bytes: config.keepRollupBytes },
  quarantine: { hours: config.keepQuarantineHours, bytes: config.keepQuarantineBytes },
  loss: { hours: config.keepLossHours },
});
