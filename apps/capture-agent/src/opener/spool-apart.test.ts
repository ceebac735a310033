import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { refuseSpoolAmongOurs } from './spool-apart.js';

describe('the spool', () => {
  let folder: string;
  let stateDir: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bpfleet-spool-'));
    stateDir = join(folder, 'state');
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const refuse = (spoolDir: string) => () => refuseSpoolAmongOurs({ stateDir, spoolDir });
  const refused = (of: string) =>
    expect.objectContaining({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining(join(stateDir, of)),
      hint: expect.stringContaining('BPFLEET_AGENT_SPOOL_DIR'),
    });

  it.each([
    ['the opener’s folder', 'state/opener', 'opener'],
    ['a folder in it', 'state/opener/spool', 'opener'],
    ['the state folder', 'state', 'opener'],
    ['one above it', '.', 'opener'],
    ['the folder of the orders', 'state/control', 'control'],
    ['one in that', 'state/control/../control/bundles', 'control'],
  ])('is not %s, there or not', (_, spool, of) => {
    // Not joined: that would take the dots out.
    expect(refuse(`${folder}/${spool}`)).toThrow(refused(of));
    mkdirSync(join(stateDir, 'opener'), { recursive: true });
    mkdirSync(join(stateDir, 'control'));
    expect(refuse(`${folder}/${spool}`)).toThrow(refused(of));
    expect(refuse(relative('.', join(folder, spool)))).toThrow(refused(of));
  });

  it('is none of them by another name', () => {
    mkdirSync(join(stateDir, 'opener'), { recursive: true });
    symlinkSync(join(stateDir, 'opener'), join(folder, 'link'));
    expect(refuse(join(folder, 'link'))).toThrow(refused('opener'));
    expect(refuse(join(folder, 'link', 'missing', 'spool'))).toThrow(refused('opener'));
    rmSync(join(stateDir, 'opener'), { recursive: true });
    mkdirSync(join(folder, 'elsewhere'));
    symlinkSync(join(folder, 'elsewhere'), join(stateDir, 'opener'));
    expect(refuse(join(folder, 'elsewhere'))).toThrow(refused('opener'));
  });

  it('is beside them, or anywhere else', () => {
    for (const spool of ['state/spool', 'state/opener2', 'state/..spool', 'spool', 'state2']) {
      expect(refuse(join(folder, spool))).not.toThrow();
    }
  });
});
