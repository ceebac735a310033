import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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
    const folders = { stateDir: join(folder, 'state'), spoolDir: folder };
    expect(foldersFinding(folders)).toMatchObject({ state: 'ok' });
    writeFileSync(join(folder, 'notes'), '');
    expect(foldersFinding(folders)).toMatchObject({
      ...{
        state: 'no',
        detail: expect.stringContaining(`${folder} holds other files (notes)`),
        advice: expect.stringContaining('BPFLEET_AGENT_SPOOL_DIR'),
      },
    });
  });
});
