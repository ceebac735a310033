import { BpfleetError } from '@bpfleet/errors';
import { z } from 'zod';
import { AgentId } from './naming.js';
import { MAX_DELEGATION_CHARACTERS } from './signed/delegation.js';
import type { SectionSignature } from './signed/section-signature.js';

/** Topic of sections; a new wire format is a new topic name. `prefix` is empty or ends with a dot. */
export const packetsTopic = (prefix = ''): string => `${prefix}packets.v1`;

/** Kafka's record limit for our topics: `max.message.bytes`. */
export const MAX_RECORD_BYTES = 1_048_576;

/** All versions of one section, joined by commas: a socket has 1,024 of them at most, of 73 characters. */
export const MAX_FILTERS_CHARACTERS = 131_072;

/** No agent comes to it: at a thousand sections a second that is 34 years. What claims more would be missed for ever. */
const LAST_SEQ = 2 ** 40;

const Decimal = z.string().regex(/^\d{1,20}$/, 'a decimal number');

/** Headers of one record as text: its value is one pcapng section (design: "What crosses process borders"). */
export const PacketRecordHeaders = z.object({
  fmt: z.literal('1'),
  agent: AgentId,
  epoch: Decimal.transform(Number).refine(Number.isSafeInteger),
  seq: Decimal.transform(Number).refine((seq) => seq <= LAST_SEQ, `at most ${LAST_SEQ}`),
  'ts-min': Decimal.transform(BigInt),
  'ts-max': Decimal.transform(BigInt),
  packets: Decimal.transform(Number).pipe(z.int().max(65_536)),
  /** Versions in this section, `web@3,dns@1`. */
  filters: z.string().max(MAX_FILTERS_CHARACTERS),
  /** zlib's CRC-32 of the value, 8 hex digits. kafkajs never checks Kafka's own. */
  crc32: z.string().regex(/^[0-9a-f]{8}$/),
  /** Ed25519 by the session key over the section's place and value (`sectionMessage`), base64. */
  sig: z.string().max(128).optional(),
  /** The delegation of the session key (`delegationText`). */
  key: z.string().max(MAX_DELEGATION_CHARACTERS).optional(),
});

/** What a record says of its section. Times in Unix ns. */
export interface SectionHeader {
  readonly agent: string;
  readonly epoch: number;
  readonly seq: number;
  readonly tsMinNs: bigint;
  readonly tsMaxNs: bigint;
  readonly packets: number;
  readonly filters: readonly string[];
  readonly crc32: number;
  /** Who vouches for it; without it nobody does. */
  readonly signature?: SectionSignature;
}

export function encodeRecordHeaders(header: SectionHeader): Record<string, string> {
  return {
    fmt: '1',
    agent: header.agent,
    epoch: String(header.epoch),
    seq: String(header.seq),
    'ts-min': String(header.tsMinNs),
    'ts-max': String(header.tsMaxNs),
    packets: String(header.packets),
    filters: header.filters.join(','),
    crc32: (header.crc32 >>> 0).toString(16).padStart(8, '0'),
    ...header.signature,
  };
}

/**
 * Reads the headers of a record, as text.
 * @throws BpfleetError `RECORD_INVALID` naming the header that is missing or wrong
 */
export function decodeRecordHeaders(headers: Readonly<Record<string, string | undefined>>): SectionHeader {
  const parsed = PacketRecordHeaders.safeParse(headers);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw new BpfleetError('RECORD_INVALID', `record header ${issue.path.join('.') || '?'}: ${issue.message}`);
  }
  const { agent, epoch, seq, packets, filters, crc32, sig, key } = parsed.data;
  return {
    agent,
    epoch,
    seq,
    tsMinNs: parsed.data['ts-min'],
    tsMaxNs: parsed.data['ts-max'],
    packets,
    filters: filters === '' ? [] : filters.split(','),
    crc32: Number.parseInt(crc32, 16),
    ...(sig !== undefined && key !== undefined ? { signature: { sig, key } } : {}),
  };
}
