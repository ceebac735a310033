import { z } from 'zod';
import { AgentId } from '../naming.js';
import { numberText } from '../number-text.js';
import { route } from '../route.js';
import { FlowCompleteness, FlowQuestion, FlowRange, PacketSum } from './flow-question.js';

export const FlowListQuery = FlowQuestion.extend({
  limit: numberText(z.int().min(1).max(1000)).prefault(100),
  cursor: z
    .string()
    // It names the versions of a flow: a thousand with the longest names.
    .max(131_072)
    .optional()
    .describe('`next` of the page before; asks with the same filter, agent and version'),
});
export type FlowListQuery = z.infer<typeof FlowListQuery>;

/** Packets of one direction of one 5-tuple, in all of the range. */
export const Flow = PacketSum.extend({
  agent: AgentId,
  filters: z.array(z.string()).describe('Versions that stored them: `web@3`'),
  protocol: z.string().describe('`tcp`, or the number of one without a name'),
  source: z.string(),
  sourcePort: z.int().optional(),
  destination: z.string(),
  destinationPort: z.int().optional(),
  first: z.string().describe('Time of the first packet, ISO 8601 with nanoseconds'),
  last: z.string(),
  tcpFlags: z.array(z.string()).describe('All that were seen'),
});
export type Flow = z.infer<typeof Flow>;

export const FlowList = z.object({
  range: FlowRange,
  flows: z.array(Flow).describe('The one with the latest packet first'),
  next: z.string().optional().describe('Ask on with cursor=…; absent on the last page'),
  completeness: FlowCompleteness,
});
export type FlowList = z.infer<typeof FlowList>;

export const flowsApi = {
  listFlows: route({ method: 'GET', path: '/api/v1/flows', query: FlowListQuery, response: FlowList }),
} as const;
