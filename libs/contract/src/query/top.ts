import { z } from 'zod';
import { numberText } from '../number-text.js';
import { route } from '../route.js';
import { FlowCompleteness, FlowQuestion, FlowRange, PacketSum } from './flow-question.js';

export const topKeys = ['agent', 'filter', 'host', 'port', 'protocol'] as const;

export const TopQuery = FlowQuestion.extend({
  by: z
    .enum(topKeys)
    .default('host')
    .describe('host: either end; port: the service’s, the smaller of the two; filter: the version that stored them'),
  order: z.enum(['bytes', 'packets']).default('bytes'),
  limit: numberText(z.int().min(1).max(1000)).prefault(10),
});
export type TopQuery = z.infer<typeof TopQuery>;

export const TopEntry = PacketSum.extend({
  key: z.string().describe('`other`: packets without such a key, as ARP has no port'),
});
export type TopEntry = z.infer<typeof TopEntry>;

export const Top = z.object({
  range: FlowRange,
  by: z.enum(topKeys),
  entries: z.array(TopEntry).describe('The largest first'),
  total: PacketSum.describe('Of all packets counted; hosts and filters share packets, so that theirs add up to more'),
  completeness: FlowCompleteness,
});
export type Top = z.infer<typeof Top>;

export const topApi = {
  getTop: route({ method: 'GET', path: '/api/v1/top', query: TopQuery, response: Top }),
} as const;
