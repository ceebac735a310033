import { randomBytes, randomInt } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DiskRig } from './contract-tests/disk-rig.js';

/** 2,000 in the long form: `BPFLEET_TEST_ROUNDS=20 npm test -- spool`. */
const FOLDERS = 100 * Number(process.env.BPFLEET_TEST_ROUNDS ?? 1);
const SECTIONS = 12;

describe('a folder with files that were changed at random', () => {
  let rig: DiskRig;
  beforeEach(() => {
    rig = new DiskRig();
  });
  afterEach(() => rig.close());

  it(`opens, gives each section once at most, and takes new ones: ${FOLDERS} times`, { timeout: 600_000 }, async () => {
    for (let folder = 0, next = 0; folder < FOLDERS; folder++) {
      await rig.open();
      await rig.fill(next, next + SECTIONS, randomInt(1, 700));
      if (folder % 3 === 0) {
        await rig.take(randomInt(1, 3000));
        await rig.spool.acknowledge();
      }
      await rig.spool.close();
      for (const name of ['marks', ...rig.segments]) if (randomInt(3) === 0) change(join(rig.folder, name));
      await rig.open();
      rig.append(next + SECTIONS, 50);
      const given = await rig.takeAll(randomInt(1, 5000));
      expect(new Set(given).size).toBe(given.length);
      // What came last is not harmed by what was.
      expect(given.at(-1)).toBe(next + SECTIONS);
      expect(rig.spool.counts.waiting).toEqual({ sections: 0, packets: 0, bytes: 0 });
      next += SECTIONS + 1;
    }
  });

  it(`has as much waiting and damaged as was left: ${FOLDERS} times`, { timeout: 600_000 }, async () => {
    for (let folder = 0; folder < FOLDERS; folder++) {
      const harmed = new DiskRig();
      await harmed.open();
      await harmed.fill(0, SECTIONS, randomInt(1, 1500));
      await harmed.take(randomInt(1, 6000));
      if (folder % 2 === 0) await harmed.spool.acknowledge();
      await harmed.spool.close();
      const left = harmed.spool.counts.waiting;
      harmed.change(Number.parseInt(harmed.segments[randomInt(harmed.segments.length)]!, 10), harm);
      const { waiting, damaged } = (await harmed.open()).counts;
      expect(waiting.sections + damaged.sections).toBe(left.sections);
      expect(waiting.packets + damaged.packets).toBe(left.packets);
      await harmed.close();
    }
  });
});

/** One stretch of it, or its end. */
function harm(bytes: Buffer): Buffer {
  const at = randomInt(bytes.length);
  if (randomInt(4) === 0) return bytes.subarray(0, at);
  randomBytes(randomInt(1, 3000)).copy(bytes, at);
  return bytes;
}

function change(path: string): void {
  const bytes = readFileSync(path);
  const at = randomInt(bytes.length + 1);
  const noise = randomBytes(randomInt(1, 200));
  const changed = [
    () => bytes.subarray(0, at),
    () => Buffer.concat([bytes.subarray(0, at), noise, bytes.subarray(at + noise.length)]),
    () => Buffer.concat([bytes.subarray(0, at), noise, bytes.subarray(at)]),
    () => Buffer.concat([bytes, noise]),
    () => noise,
    () => Buffer.alloc(0),
  ];
  writeFileSync(path, changed[randomInt(changed.length)]!());
}
