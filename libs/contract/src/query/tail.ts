import { z } from 'zod';
import { AgentId } from '../naming.js';
import { route } from '../route.js';
import { NotRetained } from './completeness.js';
import { PacketRow } from './packets.js';

/** Media types of `GET /tail`, chosen by `Accept`. */
export const tailMediaTypes = {
  ndjson: 'application/x-ndjson',
  events: 'text/event-stream',
  pcapng: 'application/x-pcapng',
} as const;

/** More than the places of a thousand partitions. */
const LONGEST_CURSOR = 65_536;

export const TailCursorText = z
  .string()
  .max(LONGEST_CURSOR)
  .regex(/^1\.[A-Za-z0-9_-]+$/);

export const TailQuery = z.object({
  /** The filter language; empty matches every packet. */
  filter: z.string().max(65_536).default(''),
  since: z.string().max(64).default('now').describe('Captured since then: ISO 8601, or relative: -10m'),
  agent: AgentId.optional(),
  /** Only packets that this filter stored: `web` or `web@3`. */
  version: z.string().max(80).optional(),
  linktype: z.string().max(40).optional().describe('Only this one; tcpdump reads no file of several, Wireshark does'),
  cursor: z
    .string()
    .max(LONGEST_CURSOR)
    .optional()
    .describe(
      'Goes on exactly behind what came before it, of the same query; takes the place of `since`, as does Last-Event-ID',
    ),
});
export type TailQuery = z.infer<typeof TailQuery>;

/** Records of the log that the tail can no longer give: `firstOffset` up to, not including, `endOffset`. */
export const TailGap = z.object({
  reason: z
    .enum(['not-retained', 'log-replaced'])
    .describe('Given up by the store before this reader came to them; or the log was replaced by another'),
  log: z.string(),
  partition: z.int(),
  firstOffset: z.string(),
  endOffset: z.string(),
  records: z.string().describe('At most so many: not each offset had packets'),
});
export type TailGap = z.infer<typeof TailGap>;

/** A line of the tail. What came since the cursor line before counts only when the next one has come. */
export const TailLine = z.union([
  z.object({ cursor: z.string() }),
  z.object({ gap: TailGap }),
  z.object({
    notRetained: NotRetained.describe('Once, before the first cursor, where since reaches back to what is given up'),
  }),
  PacketRow,
]);
export type TailLine = z.infer<typeof TailLine>;

export const tailApi = {
  tailPackets: route({ method: 'GET', path: '/api/v1/tail', query: TailQuery, response: TailLine }),
} as const;
