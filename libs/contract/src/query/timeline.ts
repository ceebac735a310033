import { z } from 'zod';
import { Timestamp } from '../naming.js';
import { route } from '../route.js';
import { FlowCompleteness, FlowQuestion, FlowRange, PacketSum } from './flow-question.js';

export const TimelineQuery = FlowQuestion.extend({
  step: z
    .string()
    .max(32)
    .optional()
    .describe('Whole minutes: 1m, 15m, 1h; by default as long as makes at most a hundred points'),
});
export type TimelineQuery = z.infer<typeof TimelineQuery>;

export const TimelinePoint = PacketSum.extend({
  at: Timestamp.describe('Begin of the step; multiples of it since 1970'),
});
export type TimelinePoint = z.infer<typeof TimelinePoint>;

export const Timeline = z.object({
  range: FlowRange,
  stepMs: z.int().positive(),
  points: z.array(TimelinePoint).describe('Without those that no packet is in'),
  completeness: FlowCompleteness,
});
export type Timeline = z.infer<typeof Timeline>;

export const timelineApi = {
  getTimeline: route({ method: 'GET', path: '/api/v1/timeline', query: TimelineQuery, response: Timeline }),
} as const;
