import { z } from 'zod';
import { AgentId } from '../naming.js';
import { numberText } from '../number-text.js';
import { route } from '../route.js';
import { Completeness } from './completeness.js';
import { PacketNode } from './packet-node.js';

/** Media types of `GET /packets`, chosen by `Accept`. */
export const packetMediaTypes = {
  json: 'application/json',
  ndjson: 'application/x-ndjson',
  pcapng: 'application/x-pcapng',
  pcap: 'application/vnd.tcpdump.pcap',
} as const;

/** Trailer of capture files: a `Completeness` as JSON. */
export const COMPLETENESS_TRAILER = 'Bpfleet-Completeness';

export const PacketQuery = z.object({
  /** The filter language; empty matches every packet. */
  filter: z.string().max(65_536).default(''),
  since: z.string().max(64).default('-1h').describe('ISO 8601, or relative: -15m'),
  until: z.string().max(64).default('now'),
  /** Newest first in JSON; the newest `limit` packets in time order in a capture file. 0: no limit (capture files only). */
  limit: numberText(z.int().min(0).max(10_000_000))
    .optional()
    .describe('100 in JSON, all in capture files when left out'),
  agent: AgentId.optional(),
  /** Only packets that this filter stored: `web` or `web@3`. */
  version: z.string().max(80).optional(),
  timeoutMs: numberText(z.int().min(1).max(3_600_000))
    .optional()
    .describe('What is found by then is the answer; 30,000 for rows, an hour for capture files when left out'),
  maxScanned: numberText(z.int().min(1).max(1_000_000_000))
    .prefault(1_000_000_000)
    .describe('So many packets are looked at, and some more: what is found by then is the answer'),
  /** A capture file has one link type; needed when the answer has several, and `mixed` is not asked for. */
  linktype: z.string().max(40).optional(),
  mixed: z
    .enum(['true', 'false'])
    .optional()
    .describe('A pcapng file of all link types that there are: Wireshark and tshark read it, tcpdump does not'),
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

const Verdict = z.enum(['yes', 'no', 'undecided']);

/** What one term of an expression says of a packet. */
export const ExplainedTerm = z.object({
  start: z.int().nonnegative().describe('Of its place in the expression, in UTF-16 units; `end` is exclusive'),
  end: z.int().nonnegative(),
  words: z.string().describe('What it asks of a packet'),
  verdict: Verdict.describe('Of the term alone; undecided: the bytes that decide were cut off'),
  asked: z.boolean().describe('False where the terms before it had decided'),
  endsHere: z.boolean().describe("It reads behind the packet's end: no, also under `not`"),
});
export type ExplainedTerm = z.infer<typeof ExplainedTerm>;

/** Why an expression matches a packet, or does not. */
export const PacketExplanation = z.object({
  version: z.string().optional().describe('`web@3`, which stored the packet; absent for the expression of the request'),
  digest: z.string().optional(),
  weight: z.int().positive().optional().describe('By sampling the packet stands for so many'),
  expression: z.string().optional().describe('Absent when nobody knows it any more'),
  verdict: Verdict.describe('By the bytes that are stored'),
  terms: z
    .array(ExplainedTerm)
    .describe('None where they are too many to show each, or the link type does not have one'),
});
export type PacketExplanation = z.infer<typeof PacketExplanation>;

export const PacketDetailQuery = z.object({
  filter: z.string().max(65_536).optional().describe('An expression to explain, beside those of the versions'),
});
export type PacketDetailQuery = z.infer<typeof PacketDetailQuery>;

/** One packet in full. */
export const PacketDetail = PacketRow.extend({
  layers: z.array(PacketNode).describe('Outermost first'),
  why: z.array(PacketExplanation).describe('For each version that stored it, and for the expression of the request'),
  /** All that was captured. */
  hex: z.string(),
});
export type PacketDetail = z.infer<typeof PacketDetail>;

export const PacketAnswer = z.object({ packets: z.array(PacketRow), completeness: Completeness });
export type PacketAnswer = z.infer<typeof PacketAnswer>;

export const packetsApi = {
  listPackets: route({ method: 'GET', path: '/api/v1/packets', query: PacketQuery, response: PacketAnswer }),
  getPacket: route({ method: 'GET', path: '/api/v1/packets/{id}', query: PacketDetailQuery, response: PacketDetail }),
} as const;
