import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { encodeRecordHeaders, MAX_RECORD_BYTES, type Registry } from '@bpfleet/contract';
import type { TestSection } from '../../../apps/analytics/src/testing/sections.js';
import { SigningAgent } from '../../../apps/analytics/src/testing/signing-agent.js';
import { type SentSection, sectionId } from './known-traffic.js';

/** A record as Kafka takes it from anybody. */
export interface RawRecord {
  readonly key: string | null;
  readonly value: Buffer;
  readonly headers: Record<string, string>;
}

interface Kind {
  /** As analytics should find it. */
  readonly reason: string;
  /** The registry's word of its agent. */
  readonly agent?: 'unknown' | 'revoked';
  /** The topic compresses in a way that consumers do not know. */
  readonly isUnknownCodec?: true;
  /** Another section under the same identity goes ahead, and is a good one. */
  readonly isSecond?: true;
  record(section: TestSection, agent: SigningAgent): RawRecord;
}

const raw = ({ header, value }: Pick<TestSection, 'header' | 'value'>): RawRecord => ({
  ...{ key: header.agent, value: Buffer.from(value), headers: encodeRecordHeaders(header) },
});

/** The same headers for other bytes, with a CRC and a signature that fit them. */
function signed({ header }: TestSection, agent: SigningAgent, value: Uint8Array): RawRecord {
  const { signature: _, ...unsigned } = header;
  return raw({ header: agent.sign({ ...unsigned, crc32: crc32(value) }, value), value });
}

function flipped(value: Uint8Array, at: number): Uint8Array {
  const bytes = Uint8Array.from(value);
  bytes[at]! ^= 1;
  return bytes;
}

/** The twelve kinds, by name. */
export const poisonKinds: Readonly<Record<string, Kind>> = {
  'missing-header': {
    reason: 'headers',
    record(section) {
      const { seq: _, ...headers } = encodeRecordHeaders(section.header);
      return { ...raw(section), headers };
    },
  },
  'unknown-fmt': {
    reason: 'headers',
    record: (section) => ({ ...raw(section), headers: { ...encodeRecordHeaders(section.header), fmt: '2' } }),
  },
  'header-not-content': {
    reason: 'packet-count',
    record: ({ header, value }) => raw({ header: { ...header, packets: header.packets + 1 }, value }),
  },
  'bad-crc': {
    reason: 'crc-mismatch',
    record: ({ header, value }) => raw({ header, value: flipped(value, value.length >> 1) }),
  },
  'bad-signature': {
    reason: 'bad-signature',
    record({ header, value }) {
      const bytes = flipped(value, value.length >> 1);
      return raw({ header: { ...header, crc32: crc32(bytes) }, value: bytes });
    },
  },
  'unknown-agent': { reason: 'unknown-key', agent: 'unknown', record: raw },
  'revoked-key': { reason: 'revoked-key', agent: 'revoked', record: raw },
  truncated: {
    reason: 'structure',
    record: (section, agent) => signed(section, agent, section.value.subarray(0, section.value.length - 7)),
  },
  'block-lengths-differ': {
    reason: 'structure',
    // The last 4 bytes are the second length of the last block (draft-ietf-opsawg-pcapng, 3.1).
    record: (section, agent) => signed(section, agent, flipped(section.value, section.value.length - 4)),
  },
  'over-limits': {
    reason: 'too-large',
    record: (section, agent) => signed(section, agent, Buffer.concat([section.value, Buffer.alloc(MAX_RECORD_BYTES)])),
  },
  'unknown-codec': { reason: 'unreadable', isUnknownCodec: true, record: raw },
  'identity-conflict': { reason: 'identity-conflict', isSecond: true, record: raw },
};

/** Agents of which each sends one kind of poison. */
export class Poisoners {
  readonly #agents = new Map(Object.keys(poisonKinds).map((name) => [name, new SigningAgent(`poison-${name}`)]));
  #seq = 0;

  /** @param isMended everybody is known */
  registry(isMended = false): Registry['agents'] {
    return Object.entries(poisonKinds).flatMap(([name, { agent }]) => {
      if (agent === 'unknown' && !isMended) return [];
      return [this.#agents.get(name)!.inRegistry(agent === 'revoked' ? '2026-01-01T00:00:00Z' : undefined)];
    });
  }

  /** The next record of a kind. @returns with it, what a reader may come to store of it */
  make(name: string): { readonly poison: RawRecord; readonly first: RawRecord; readonly section: SentSection } {
    const agent = this.#agents.get(name)!;
    const at = { epoch: 1, seq: this.#seq++ };
    const nowNs = BigInt(Date.now()) * 1_000_000n;
    const section = agent.section({ ...at, atNs: [nowNs, nowNs + 1n] });
    const { isSecond, record } = poisonKinds[name]!;
    const other = isSecond ? agent.section({ ...at, atNs: [nowNs + 2n] }) : section;
    return { poison: record(other, agent), first: raw(section), section: sentSection(section) };
  }
}

function sentSection({ header, value }: TestSection): SentSection {
  const { agent, epoch, seq, packets, tsMinNs } = header;
  const digest = createHash('sha256').update(value).digest('hex');
  const sent = { agent, epoch, seq, packets, first: -1, atMs: Number(tsMinNs / 1_000_000n), digest };
  return sent;
}

export const idOf = ({ agent, epoch, seq }: SentSection): string => sectionId({ agent, epoch, seq });
