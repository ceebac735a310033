import { z } from 'zod';
import { AgentId, Digest, Timestamp } from '../naming.js';
import { route } from '../route.js';

export const ImportQuery = z.object({
  digest: Digest.describe('Of the whole file: the same file is imported once, however often it is sent'),
  name: z.string().max(200).default('import').describe('Stands as the interface of packets whose file names none'),
});
export type ImportQuery = z.infer<typeof ImportQuery>;

export const ImportResult = z.object({
  agent: AgentId.describe('Whom the packets stand under: named by the digest'),
  firstPacketAt: Timestamp.optional().describe('The oldest of those that sections hold; absent where there is none'),
  lastPacketAt: Timestamp.optional(),
  packets: z.int().nonnegative().describe('In the file'),
  skipped: z.int().nonnegative().describe('Of them, what no section can hold: from after 2106'),
  sections: z.int().nonnegative(),
  stored: z.int().nonnegative().describe('Sections that were not stored before'),
  damage: z.string().optional().describe('Where the file ends inside a record, and how; what came before is stored'),
});
export type ImportResult = z.infer<typeof ImportResult>;

/** The body is a pcap or pcapng file. */
export const importMediaType = 'application/octet-stream';

export const importsApi = {
  importCapture: route({ method: 'POST', path: '/api/v1/imports', query: ImportQuery, response: ImportResult }),
} as const;
