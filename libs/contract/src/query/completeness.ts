import { z } from 'zod';

/** How complete an answer is. */
export const Completeness = z.object({
  sectionsScanned: z.int().nonnegative(),
  packetsScanned: z.int().nonnegative(),
  /** The bytes that decide were cut off at capture: neither yes nor no. */
  packetsUndecided: z.int().nonnegative(),
  /** Records in quarantine that arrived in the range. */
  recordsQuarantined: z.int().nonnegative(),
  /** Dropped by the kernels of the agents whose sections were scanned. */
  droppedByKernel: z.int().nonnegative(),
  /** False when `limit` ended the scan before the range was through. */
  rangeScanned: z.boolean(),
});
export type Completeness = z.infer<typeof Completeness>;
