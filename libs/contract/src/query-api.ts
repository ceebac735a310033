import { z } from 'zod';
import { AgentId, Timestamp } from './naming.js';
import { route } from './route.js';

/** Media types of `GET /packets`, chosen by `Accept`. */
export const packetMediaTypes = {
  json: 'application/json',
  ndjson: 'application/x-ndjson',
  pcapng: 'application/x-pcapng',
  pcap: 'application/vnd.tcpdump.pcap',
} as const;

export const PacketQuery = z.object({
  /** The filter language; empty matches every packet. */
  filter: z.string().max(65_536).default(''),
  since: z.string().max(64).default('-1h').describe('ISO 8601, or relative: -15m'),
  until: z.string().max(64).default('now'),
  /** Newest first in JSON; the newest `limit` packets in time order in a capture file. 0: no limit (capture files only). */
  limit: z.coerce
    .number()
    .int()
    .min(0)
    .max(10_000_000)
    .optional()
    .describe('100 in JSON, all in capture files when left out'),
  agent: AgentId.optional(),
  /** Only packets that this filter stored: `web` or `web@3`. */
  version: z.string().max(80).optional(),
  /** A capture file has one link type; needed when the answer has several. */
  linktype: z.string().max(40).optional(),
});
export type PacketQuery = z.infer<typeof PacketQuery>;

export const PacketRow = z.object({
  /** `agent.epoch.seq.index`: names one stored packet for ever. */
  id: z.string(),
  /** Capture time, ISO 8601 with nanoseconds. */
  at: z.string(),
  agent: AgentId,
  interface: z.string(),
  /** Versions that stored it: `web@3`. */
  filters: z.array(z.string()),
  linkType: z.string(),
  lengthBytes: z.int().nonnegative(),
  capturedBytes: z.int().nonnegative(),
  protocol: z.string(),
  source: z.string().optional(),
  sourcePort: z.int().optional(),
  destination: z.string().optional(),
  destinationPort: z.int().optional(),
  summary: z.string(),
});
export type PacketRow = z.infer<typeof PacketRow>;

/**
 * One line of a dissection: a layer, a field or a group, by Wireshark's name. `_ws.…` says what is wrong with the packet.
 */
export interface PacketNode {
  readonly name: string;
  readonly text: string;
  readonly offset: number;
  readonly lengthBytes: number;
  readonly value?: number | string | boolean | undefined;
  readonly children?: readonly PacketNode[] | undefined;
}
export const PacketNode: z.ZodType<PacketNode> = z.object({
  name: z.string().describe("Wireshark's display filter abbreviation"),
  text: z.string().describe('The line for people; printable ASCII'),
  offset: z.int().nonnegative().describe("From the packet's first byte"),
  lengthBytes: z.int().nonnegative(),
  value: z.union([z.number(), z.string(), z.boolean()]).optional(),
  get children() {
    return z.array(PacketNode).optional();
  },
});

/** One packet in full. */
export const PacketDetail = PacketRow.extend({
  layers: z.array(PacketNode).describe('Outermost first'),
  /** All that was captured. */
  hex: z.string(),
});
export type PacketDetail = z.infer<typeof PacketDetail>;

/** How complete an answer is. */
export const Completeness = z.object({
  sectionsScanned: z.int().nonnegative(),
  packetsScanned: z.int().nonnegative(),
  /** The bytes that decide were cut off at capture: neither yes nor no. */
  packetsUndecided: z.int().nonnegative(),
  /** Records in quarantine that arrived in the range. */
  recordsQuarantined: z.int().nonnegative(),
  /** Dropped by the kernels of the agents whose sections were scanned. */
  droppedByKernel: z.int().nonnegative(),
  /** False when `limit` ended the scan before the range was through. */
  rangeScanned: z.boolean(),
});
export type Completeness = z.infer<typeof Completeness>;

export const PacketAnswer = z.object({ packets: z.array(PacketRow), completeness: Completeness });
export type PacketAnswer = z.infer<typeof PacketAnswer>;

/**
 * Sections of an agent's epoch that show that it is several: `other-bytes` (one place, two contents) and `other-key` (one
 * epoch, two session keys) are in quarantine; `overlap` was captured by an older epoch while a newer one ran, and is stored.
 */
export const IdentityConflict = z.object({
  agent: AgentId,
  epoch: z.int().nonnegative(),
  kind: z.enum(['other-bytes', 'other-key', 'overlap']),
  sections: z.int().positive(),
  firstNoticedAt: Timestamp,
  lastNoticedAt: Timestamp,
});
export type IdentityConflict = z.infer<typeof IdentityConflict>;

export const IdentityConflicts = z.object({ items: z.array(IdentityConflict) });
export type IdentityConflicts = z.infer<typeof IdentityConflicts>;

export const IdentityConflictQuery = z.object({ limit: z.coerce.number().int().min(1).max(1000).default(100) });
export type IdentityConflictQuery = z.infer<typeof IdentityConflictQuery>;

export const queryApi = {
  listIdentityConflicts: route({
    method: 'GET',
    path: '/api/v1/identity-conflicts',
    query: IdentityConflictQuery,
    response: IdentityConflicts,
  }),
  listPackets: route({ method: 'GET', path: '/api/v1/packets', query: PacketQuery, response: PacketAnswer }),
  getPacket: route({ method: 'GET', path: '/api/v1/packets/{id}', response: PacketDetail }),
} as const;
