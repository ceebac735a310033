import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { foldersFinding } from './folders-finding.js';

describe('the agent’s folders as doctor finds them', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bpfleet-doctor-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('are to be made, or hold something else', () => {
    const folders = { stateDir: join(folder, 'state'), spoolDir: join(folder, 'spool') };
    expect(foldersFinding(folders)).toMatchObject({ state: 'ok' });
    mkdirSync(folders.spoolDir);
    writeFileSync(join(folders.spoolDir, 'notes'), '');
    expect(foldersFinding(folders)).toMatchObject({
      ...{
        state: 'no',
        detail: expect.stringContaining(`${folders.spoolDir} holds other files (notes)`),
        advice: expect.stringContaining('BPFLEET_AGENT_SPOOL_DIR'),
      },
    });
  });

  it('are one in the other', () => {
    expect(foldersFinding({ stateDir: folder, spoolDir: folder })).toMatchObject({
      state: 'no',
      detail: expect.stringContaining(`${folder} cannot be the spool`),
    });
  });
});
