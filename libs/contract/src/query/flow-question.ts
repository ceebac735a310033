import { z } from 'zod';
import { AgentId, Timestamp } from '../naming.js';
import { KnownLosses } from './completeness.js';

const Count = z.int().nonnegative();

/** What `/flows`, `/timeline` and `/top` have in common. */
export const FlowQuestion = z.object({
  filter: z
    .string()
    .max(65_536)
    .default('')
    .describe('The filter language, as far as addresses, protocol and ports decide it; empty counts every packet'),
  since: z.string().max(64).default('-1h').describe('ISO 8601, or relative: -15m; the minute that it is in counts'),
  until: z.string().max(64).default('now').describe('As since; the minute that it is in counts'),
  agent: AgentId.optional(),
  version: z.string().max(80).optional().describe('Only packets that this filter stored: `web` or `web@3`'),
});
export type FlowQuestion = z.infer<typeof FlowQuestion>;

/** Packets with their bytes as on the wire. */
export const PacketSum = z.object({
  packets: Count,
  bytes: Count,
  estimated: z
    .object({ packets: Count, bytes: Count })
    .optional()
    .describe('What the packets that sampling stored stand for; absent where all were stored'),
});
export type PacketSum = z.infer<typeof PacketSum>;

/** How complete an answer about flows is. */
export const FlowCompleteness = z.object({
  packetsCounted: Count.describe('In flows that match, or in all'),
  packetsUndecided: Count.describe(
    'Not IP, behind VLAN tags or extension headers, damaged, or cut off: a flow does not tell whether they match; /packets does',
  ),
  packetsPending: Count.describe('Stored in the last seconds and not counted yet'),
  ...KnownLosses.shape,
});
export type FlowCompleteness = z.infer<typeof FlowCompleteness>;

/** What was counted: whole minutes, exactly. */
export const FlowRange = z.object({ since: Timestamp, until: Timestamp.describe('Not included') });
export type FlowRange = z.infer<typeof FlowRange>;
