import { SectionWriter } from '@bpfleet/section';
import { pino } from 'pino';
import { afterAll, describe, expect, it } from 'vitest';
import { aHeader, aSection } from '../spool/contract-tests/records.js';
import { SmallDisk } from '../spool/contract-tests/small-disk.js';
import { DiskSpool } from '../spool/disk-spool.js';
import { SegmentWriter } from '../spool/segment-writer.js';
import { prepareSpool } from './prepare-spool.js';
import { NOTHING_TOLD, OpenSection } from './sections/open-section.js';
import { openSectionFile } from './sections/open-section-file.js';

const origin = { hardware: 'x86_64', operatingSystem: 'Linux', application: 'bpfleet' };
const nowMs = () => 1000;
const said: string[] = [];
const logger = pino({ level: 'error' }, { write: (line) => said.push(line) });
const facts = { agent: 'host-1', boot: 1, bootNowMs: nowMs, origin, logger };
const disk = await SmallDisk.mount(1);
const title = `prepareSpool on a disk that is full${disk ? '' : ' [skipped: mounting needs root]'}`;

describe.runIf(disk)(title, () => {
  const { folder } = disk!;
  afterAll(() => disk!.unmount());

  it('hands back the section that a killed process left, and what the disk takes later is found', async () => {
    leaveOpenSection(folder);
    const spool = new DiskSpool(folder, { maxBytes: 1 << 30, maxAgeMs: 1e12 }, 1, nowMs);
    await spool.open();
    const giveBack = await disk!.fillUp();
    const { firstSegment, refused } = await prepareSpool(folder, spool, facts);
    expect(refused).toMatchObject({
      record: { header: { epoch: 99, seq: 7, packets: 1 } },
      error: { code: 'DATA_NOT_WRITABLE' },
    });
    expect(said).toEqual([expect.stringContaining('take-overs have no file')]);
    await giveBack();
    const writer = new SegmentWriter({ folder, firstSegment });
    writer.append(aHeader(0, aSection(0, 100)), aSection(0, 100));
    await spool.refresh();
    expect(await spool.take(1000)).toHaveLength(1);
    writer.close();
    await spool.close();
  });
});

/** With one packet. */
function leaveOpenSection(folder: string): void {
  const file = openSectionFile(folder);
  const open = new OpenSection(file.memory);
  open.take(99);
  const section = new SectionWriter({ ...origin, capacityBytes: 16_384, buffer: open.buffer });
  open.begin(7, section.endBytes, NOTHING_TOLD);
  section.addInterface({ name: 'eth0', linkType: 1, description: 'web@3' });
  section.append(0, 1_700_000_000, 0, new Uint8Array(60), 0, 60, 60, undefined, 0);
  open.commit(section.endBytes, 1);
  file.close();
}
