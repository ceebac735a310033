import type { BusRecord } from '@bpfleet/bus';
import { encodeRecordHeaders, signSection } from '@bpfleet/contract';
import { nodeCrypto } from '@bpfleet/service';
import type { StoredSection } from '../spool/section-store.js';
import type { SessionKey } from '../spool/session-key-file.js';

/**
 * The sections as records, each signed by the key of its epoch. Ed25519 signs the same bytes the same way, so a record is
 * the same whenever it is made.
 * @returns undefined when the key of one is lost
 */
export function signedRecords(
  sections: readonly StoredSection[],
  keyOf: (epoch: number) => SessionKey | undefined,
): BusRecord[] | undefined {
  const records: BusRecord[] = [];
  for (const { header, bytes } of sections) {
    const session = keyOf(header.epoch);
    if (session === undefined) return undefined;
    const signature = signSection(header, bytes, session.delegation, session.key, nodeCrypto);
    records.push({ key: header.agent, value: bytes, headers: encodeRecordHeaders({ ...header, signature }) });
  }
  return records;
}
