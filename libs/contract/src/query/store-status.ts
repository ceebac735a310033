import { z } from 'zod';
import { Timestamp } from '../naming.js';
import { route } from '../route.js';

const Count = z.int().nonnegative();

export const storeClasses = ['section', 'flow', 'rollup', 'quarantine', 'loss'] as const;

/** What the store holds of one class, and how long it keeps it. */
export const StoreClass = z.object({
  class: z.enum(storeClasses),
  rows: Count.describe('Of sections, flows and roll-ups: as Postgres counts them, about'),
  bytes: Count.describe('On disk, with all indexes'),
  oldest: Timestamp.optional().describe(
    'When its oldest rows were ingested: the hour or day for what lies in partitions',
  ),
  newest: Timestamp.optional(),
  partitions: Count,
  partitionsAhead: Count.describe('Made for the time to come; 0 of a partitioned class: ingest soon makes its own'),
  keepHours: z.int().positive().describe('Since ingest'),
  keepBytes: z.int().positive().optional().describe('Absent where there is no such limit'),
  bytesPerHour: z.number().nonnegative().optional().describe('By which it grew in the last hours'),
  hoursToLimit: z
    .number()
    .nonnegative()
    .optional()
    .describe('Until keepBytes is reached at this rate; absent where keepHours is reached before'),
  givenUpTo: Timestamp.optional().describe('What was ingested before is not retained'),
});
export type StoreClass = z.infer<typeof StoreClass>;

export const StorePosition = z.object({
  log: z.string(),
  partition: Count,
  next: Count.describe('Offset of the record to store next'),
  lagRecords: Count.optional().describe('Behind it in the log when its reader last asked'),
  measuredAt: Timestamp.optional(),
  owner: z.string(),
  takenAt: Timestamp,
});
export type StorePosition = z.infer<typeof StorePosition>;

export const StoreStatus = z.object({
  classes: z.array(StoreClass),
  positions: z.array(StorePosition),
  dedupe: z
    .object({ epochs: Count, ranges: Count })
    .describe('Epochs of agents, and the ranges of sequence numbers by which repeated sections are known'),
  quarantined: Count,
  leaving: z.array(z.string()).describe('Partitions that were given up, and go when nobody reads them any more'),
});
export type StoreStatus = z.infer<typeof StoreStatus>;

export const storeStatusApi = {
  getStoreStatus: route({ method: 'GET', path: '/api/v1/store', response: StoreStatus }),
} as const;
