import { z } from 'zod';
import { AgentId, Timestamp } from '../naming.js';
import { numberText } from '../number-text.js';
import { route } from '../route.js';

const Count = z.int().nonnegative();

/** What became of the packets of one agent, over all of its epochs that are known here. */
export const AgentLedger = z.object({
  agent: AgentId,
  epochs: Count.describe('How often it was started'),
  firstPacketAt: Timestamp,
  lastPacketAt: Timestamp,
  captured: Count.describe('Packets that its process took, by its own count; stored ones where it does not count'),
  sectionsStored: Count,
  packetsStored: Count,
  leftOut: Count.describe(
    'Packets that it put into no section, because of its filters’ sampling or a budget: captured is stored, left out, lost and missing',
  ),
  droppedByKernel: Count.describe('Packets that its rings had no room for'),
  lostWithProcess: Count.describe(
    'Packets of sections that were open when its process was killed, and not found again',
  ),
  sectionsMissing: Count.describe('Made and not stored: given up by its spool or by Kafka, or in quarantine'),
  packetsMissing: Count.describe(
    'In the sections that are missing, and in those behind the last of an epoch that came, of which nobody knows how many they are',
  ),
  recordsQuarantined: Count,
  missing: z
    .array(z.object({ epoch: Count, first: Count, last: Count }))
    .describe('Sequence numbers of the sections that are missing, the newest hundred ranges'),
});
export type AgentLedger = z.infer<typeof AgentLedger>;

export const Ledger = z.object({
  agents: z.array(AgentLedger),
  next: AgentId.optional().describe('Ask on with after=…; absent on the last page'),
});
export type Ledger = z.infer<typeof Ledger>;

export const LedgerQuery = z.object({
  limit: numberText(z.int().min(1).max(1000)).prefault(100),
  after: AgentId.optional().describe('Agents behind this one'),
});
export type LedgerQuery = z.infer<typeof LedgerQuery>;

export const ledgerApi = {
  getLedger: route({ method: 'GET', path: '/api/v1/ledger', query: LedgerQuery, response: Ledger }),
} as const;
