import { z } from 'zod';
import { Timestamp } from '../naming.js';
import { numberText } from '../number-text.js';
import { route } from '../route.js';

/** One record that is kept aside because it is not what it claims to be. */
export const QuarantinedRecord = z.object({
  id: z.string().describe('A number; grows with each record'),
  quarantinedAt: Timestamp,
  reason: z.string().describe('A short code: crc-mismatch, bad-signature, structure …'),
  detail: z.string(),
  agent: z.string().optional().describe('As far as its headers could be read'),
  key: z.string(),
  partition: z.int().nonnegative(),
  offset: z.string().describe('Where it was in the log'),
  sizeBytes: z.int().nonnegative(),
});
export type QuarantinedRecord = z.infer<typeof QuarantinedRecord>;

export const QuarantinedRecordDetail = QuarantinedRecord.extend({
  headers: z.record(z.string(), z.string()),
  hex: z.string().describe('The first 64 KiB of its value'),
});
export type QuarantinedRecordDetail = z.infer<typeof QuarantinedRecordDetail>;

export const Quarantine = z.object({
  items: z.array(QuarantinedRecord).describe('The newest first'),
  next: z.string().optional().describe('Ask on with before=…; absent on the last page'),
});
export type Quarantine = z.infer<typeof Quarantine>;

export const QuarantineQuery = z.object({
  limit: numberText(z.int().min(1).max(1000)).prefault(100),
  before: z
    .string()
    .regex(/^\d{1,18}$/)
    .optional()
    .describe('Records older than this one'),
  reason: z.string().max(64).optional(),
  agent: z.string().max(64).optional(),
});
export type QuarantineQuery = z.infer<typeof QuarantineQuery>;

export const quarantineApi = {
  listQuarantine: route({ method: 'GET', path: '/api/v1/quarantine', query: QuarantineQuery, response: Quarantine }),
  getQuarantined: route({ method: 'GET', path: '/api/v1/quarantine/{id}', response: QuarantinedRecordDetail }),
  /** Publishes the record again, at a new offset, and lets it go; it comes back when it is still wrong. */
  retryQuarantined: route({ method: 'POST', path: '/api/v1/quarantine/{id}/retry', response: QuarantinedRecord }),
} as const;
