import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { encodeRecord, walkRecords } from '../../../apps/capture-agent/src/spool/record.js';
import { markIn } from '../../../apps/capture-agent/src/spool/segment-mark.js';

/** draft-ietf-opsawg-pcapng 3.1, 4.3, 4.6: byte offsets from a block's start, the same in both blocks that tell a time. */
const BLOCK = { type: 0, length: 4, timeHigh: 12, timeLow: 16 } as const;
const TIMED_BLOCKS: readonly number[] = [5, 6];

/**
 * Makes what a process put into a spool older, as if the host had been off since: times of sections, of packets and of
 * interface statistics, and the boot that they are of. Nothing of it may be sent yet, and no agent run on it.
 * @returns how many packets there are
 */
export function ageSpool(folder: string, epoch: number, byMs: number): number {
  const byNs = BigInt(byMs) * 1_000_000n;
  let packets = 0;
  for (const name of readdirSync(folder).filter((one) => one.endsWith('.seg'))) {
    const segment = readFileSync(join(folder, name));
    const mark = markIn(segment);
    if (mark === undefined) continue;
    const parts: Uint8Array[] = [];
    for (const found of walkRecords(segment, mark, { isEnd: true })) {
      if (found.kind !== 'record') throw new Error(`${name} has what is no record: ${found.kind}`);
      const { header } = found;
      if (header.epoch !== epoch) break;
      const section = agedSection(found.section, byNs);
      const [tsMinNs, tsMaxNs] = [header.tsMinNs - byNs, header.tsMaxNs - byNs];
      const aged = { ...header, tsMinNs, tsMaxNs, crc32: crc32(section), boot: header.boot + 1 };
      parts.push(...encodeRecord(mark, aged, section));
      packets += header.packets;
    }
    if (parts.length > 0) writeFileSync(join(folder, name), Buffer.concat(parts));
  }
  return packets;
}

function agedSection(section: Uint8Array, byNs: bigint): Uint8Array {
  const aged = new Uint8Array(section);
  const view = new DataView(aged.buffer);
  for (let at = 0; at < aged.length; at += view.getUint32(at + BLOCK.length, true)) {
    if (!TIMED_BLOCKS.includes(view.getUint32(at + BLOCK.type, true))) continue;
    const high = BigInt(view.getUint32(at + BLOCK.timeHigh, true));
    const time = (high << 32n) + BigInt(view.getUint32(at + BLOCK.timeLow, true)) - byNs;
    view.setUint32(at + BLOCK.timeHigh, Number(time >> 32n), true);
    view.setUint32(at + BLOCK.timeLow, Number(time & 0xffff_ffffn), true);
  }
  return aged;
}
