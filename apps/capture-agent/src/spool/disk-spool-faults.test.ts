import { mkdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DiskRig } from './contract-tests/disk-rig.js';

let rig: DiskRig;
beforeEach(async () => {
  rig = new DiskRig();
  await rig.open();
});
afterEach(async () => {
  rig.files.failing = () => undefined;
  await rig.close();
});

describe('a DiskSpool on a disk that fails', () => {
  it('makes what was appended safe, once for all that came meanwhile, and not what is sent by then', async () => {
    const release = rig.files.holdSyncs();
    await rig.fill(0, 1, 100);
    await rig.fill(1, 2, 100);
    await rig.fill(2, 3, 100);
    // The first one is under way, and holds up the next.
    expect(rig.files.synced).toEqual([1]);
    release();
    await rig.spool.close();
    expect(rig.files.synced).toEqual([1, 1]);

    rig.files.synced.length = 0;
    await rig.open();
    const releaseAgain = rig.files.holdSyncs();
    await rig.fill(3, 13);
    expect(rig.files.synced).toEqual([1]);
    await rig.takeAll();
    releaseAgain();
    await rig.spool.close();
    expect(rig.files.synced).toEqual([1]);
  });

  it('goes on, and says so, while nothing can be made safe', async () => {
    rig.files.failing = (call) => (call === 'sync' ? 'EIO' : undefined);
    await rig.fill(0, 2);
    expect(await rig.takeAll()).toEqual([0, 1]);
    await rig.fill(2, 3);
    await rig.spool.close();
    expect(rig.spool.troubles).toEqual([expect.stringContaining('EIO')]);
  });

  it('skips a segment that cannot be read, exactly, and says so', async () => {
    await rig.fill(0, 12);
    const bad = rig.spool.firstSegment + 1;
    rig.files.failing = (call, segment) => (call === 'read' && segment === bad ? 'EIO' : undefined);
    const sent = await rig.takeAll();
    const lost = 12 - sent.length;
    expect(lost).toBeGreaterThan(0);
    expect(rig.spool.counts).toMatchObject({
      waiting: { sections: 0, packets: 0 },
      damaged: { sections: lost, packets: 3 * lost },
    });
    expect(sent).toEqual(expect.arrayContaining([0, 11]));
  });

  it('says which segment cannot be read while it is needed', async () => {
    await rig.fill(0, 2);
    rig.files.failing = (call) => (call === 'read' ? 'EIO' : undefined);
    expect(await rig.take()).toEqual([]);
    expect(rig.spool.troubles).toEqual([expect.stringContaining('segment 1 cannot be read from byte 0')]);
  });

  it('counts nothing as lost when the process has no descriptors left', async () => {
    await rig.fill(0, 4);
    rig.files.failing = (call) => (call === 'read' ? 'EMFILE' : undefined);
    await expect(rig.spool.take(1000)).rejects.toMatchObject({ code: 'EMFILE' });
    rig.append(4);
    await expect(rig.spool.refresh()).rejects.toMatchObject({ code: 'EMFILE' });
    rig.files.failing = () => undefined;
    expect(await rig.takeAll()).toEqual([0, 1, 2, 3, 4]);
  });

  it('sends on when it cannot delete, tries again later, and after a kill', async () => {
    rig.files.failing = (call) => (call === 'remove' ? 'EROFS' : undefined);
    await rig.fill(0, 12);
    expect(await rig.takeAll(1)).toHaveLength(12);
    expect(rig.spool.troubles).toEqual([expect.stringContaining('deleting')]);
    const before = rig.segments.length;
    expect(before).toBeGreaterThan(2);
    await rig.open();
    expect(rig.segments).toHaveLength(before);
    rig.files.failing = () => undefined;
    await rig.open();
    expect(rig.segments).toHaveLength(1);
    expect(await rig.takeAll()).toEqual([]);
    expect(rig.spool.troubles).toEqual([]);
  });

  it('works without a place for its marks, says so, and keeps them once there is one', async () => {
    await rig.spool.close();
    const marks = join(rig.folder, 'marks');
    rmSync(marks);
    mkdirSync(marks);
    const spool = await rig.open();
    for (let tries = 0; tries < 2; tries++) {
      expect(spool.troubles).toEqual([expect.stringContaining('keeping how far it was sent')]);
      await spool.keepDeleted();
    }
    await rig.fill(0, 12);
    expect(await rig.takeAll()).toHaveLength(12);
    expect(spool.sent).toMatchObject({ sections: 12 });
    expect(rig.segments).toHaveLength(1);
    rmdirSync(marks);
    await spool.keepDeleted();
    expect(spool.troubles).toEqual([]);
    expect((await rig.open()).sent).toMatchObject({ sections: 12 });
    expect(await rig.takeAll()).toEqual([]);
  });
});
