import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DiskRig } from './contract-tests/disk-rig.js';

let rig: DiskRig;
beforeEach(() => {
  rig = new DiskRig();
});
afterEach(() => rig.close());

describe('a spool of which the marks are lost or damaged', () => {
  it.each([
    ['of something else', 0],
    ['half of something else', 8],
  ])('begins anew where the marks are %s', async (_, keptBytes) => {
    await rig.open();
    await rig.fill(0, 2);
    await rig.takeAll();
    await rig.spool.close();
    const marks = join(rig.folder, 'marks');
    writeFileSync(marks, readFileSync(marks).fill(0xa5, keptBytes));
    const spool = await rig.open();
    // What is still there is sent again: the other side knows it.
    expect(await rig.takeAll()).toEqual([0, 1]);
    expect(spool.counts.evicted).toMatchObject({ sections: 0 });
  });

  it('takes for sent what has no key any more where the marks are lost, and sends the rest again', async () => {
    // One segment: none is deleted meanwhile.
    await rig.open({}, 1 << 20);
    for (let seq = 0; seq < 12; seq++) rig.append(seq, 600, { epoch: seq < 6 ? 100 : 200 });
    await rig.takeAll();
    for (let seq = 12; seq < 14; seq++) rig.append(seq, 600, { epoch: 200 });
    await rig.spool.close();
    rmSync(join(rig.folder, 'marks'));
    const spool = await rig.open({}, 3000, { has: (epoch) => epoch > 100, newest: 200 });
    expect([spool.passed.sections, spool.counts.evicted.sections]).toEqual([6, 0]);
    expect(await rig.takeAll()).toEqual([6, 7, 8, 9, 10, 11, 12, 13]);
    expect(spool.counts).toMatchObject({ waiting: { sections: 0 }, damaged: { sections: 0 } });
    expect((await rig.open({}, 3000, { has: () => false, newest: 200 })).passed.sections).toBe(0);
  });

  it.each([
    ['all keys are gone', 0, 0],
    ['the newest key is older', 150, 0],
    ['the newest epoch has left nothing', 300, 6],
  ])('takes for sent only what keys of later epochs tell so: %s', async (_, newest, passed) => {
    await rig.open({}, 1 << 20);
    for (let seq = 0; seq < 6; seq++) rig.append(seq, 600, { epoch: 200 });
    await rig.spool.close();
    rmSync(join(rig.folder, 'marks'));
    const spool = await rig.open({}, 3000, { has: () => false, newest });
    expect([spool.passed.sections, spool.counts.waiting.sections]).toEqual([passed, 6 - passed]);
  });

  it('goes one step back where the last mark is damaged', async () => {
    await rig.open();
    await rig.fill(0, 3);
    await rig.takeAll(1);
    await rig.spool.close();
    const marks = join(rig.folder, 'marks');
    const words = new Float64Array(new Uint8Array(readFileSync(marks)).buffer);
    // The offset of `done` in the bank that is in force.
    words[(words[1] === 1 ? 136 : 8) + 2]! += 1;
    writeFileSync(marks, new Uint8Array(words.buffer));
    await rig.open();
    expect(await rig.takeAll()).toEqual([2]);
    await rig.open();
    expect(await rig.takeAll()).toEqual([]);
  });
});
