import { z } from 'zod';
import { AgentId, SnaplenBytes } from '../naming.js';
import { route } from '../route.js';
import { Completeness } from './completeness.js';
import { PacketRow } from './packets.js';

export const NewBacktest = z.object({
  filter: z.string().max(65_536).describe('The candidate expression'),
  snaplenBytes: SnaplenBytes.default(262_144).describe('How much of each packet the candidate would keep'),
  against: z.string().max(80).optional().describe('A version to compare with: web@3; of `web` the newest'),
  since: z.string().max(64).default('-1h').describe('ISO 8601, or relative: -15m'),
  until: z.string().max(64).default('now'),
  agent: AgentId.optional(),
  samples: z.int().min(0).max(100).default(5).describe('Of gained and of lost packets each'),
  timeoutMs: z.int().min(1).max(3_600_000).default(60_000),
  maxScanned: z.int().min(1).max(1_000_000_000).default(1_000_000_000),
});
export type NewBacktest = z.infer<typeof NewBacktest>;

const Count = z.int().nonnegative();
const Amount = z.object({
  packets: Count,
  bytes: Count.describe('As on the wire'),
  storedBytes: Count.describe('What a version with this snaplen keeps of them'),
});

/** What a candidate would have kept, and how that differs from what a version kept. */
export const BacktestCounts = z.object({
  matched: Amount.describe('By the candidate'),
  against: Amount.optional().describe('What the version to compare with stored; its bytes are those that are stored'),
  gained: Amount.optional().describe('Matched, and the expression of that version does not match'),
  lost: Amount.optional().describe('That version stored it, and the candidate does not match'),
  notStoredByVersion: Amount.optional().describe(
    'That version did not store it, though its expression matches, or cannot tell: captured before it ran, on other agents, or sampled out. Neither gained nor lost, whatever the candidate says; its bytes are those that are stored',
  ),
  undecided: Count.describe('The bytes that decide were cut off: neither yes nor no'),
});
export type BacktestCounts = z.infer<typeof BacktestCounts>;

export const Backtest = z.object({
  filter: z.string(),
  against: z
    .object({
      version: z.string(),
      expression: z.string().optional().describe('Absent where the registry has forgotten it'),
    })
    .optional(),
  total: BacktestCounts,
  agents: z.array(BacktestCounts.extend({ agent: AgentId })).describe('Most matches first'),
  gained: z.array(PacketRow).describe('Samples, the newest'),
  lost: z.array(PacketRow).describe('Samples, the newest'),
  storedBy: z
    .array(z.object({ version: z.string(), packets: Count }))
    .describe('The versions whose packets were looked at: what none of them matched is in no count here'),
  completeness: Completeness,
});
export type Backtest = z.infer<typeof Backtest>;

export const backtestsApi = {
  createBacktest: route({ method: 'POST', path: '/api/v1/backtests', body: NewBacktest, response: Backtest }),
} as const;
