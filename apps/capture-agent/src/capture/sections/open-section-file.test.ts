import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OpenSection } from './open-section.js';
import { openSectionFile } from './open-section-file.js';

describe('openSectionFile', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bpfleet-open-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is there for the next process', () => {
    const first = openSectionFile(folder);
    new OpenSection(first.memory).take(7);
    first.close();
    const next = openSectionFile(folder);
    expect(next.trouble).toBeUndefined();
    expect(new OpenSection(next.memory).left()).toMatchObject({ epoch: 7 });
    next.close();
  });

  it('is memory where there is no place for it, and says why', () => {
    mkdirSync(join(folder, 'open-section'));
    const file = openSectionFile(folder);
    expect(file.trouble).toMatchObject({ code: 'EISDIR' });
    const open = new OpenSection(file.memory);
    expect(open.left()).toBeUndefined();
    open.take(7);
    expect(open.left()).toMatchObject({ epoch: 7 });
  });
});
