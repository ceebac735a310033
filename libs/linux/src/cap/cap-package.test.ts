import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { canUseCap, openCap } from './cap-package.js';

describe('the package cap', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bpfleet-cap-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** As `npm ci` would have left it. */
  function installed(files: Readonly<Record<string, string>>): NodeJS.Require {
    for (const [name, text] of Object.entries(files)) {
      const file = join(folder, 'node_modules/cap', name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
    return createRequire(join(folder, 'index.js'));
  }
  const withoutBinary = { 'index.js': "exports.Cap = require('./build/Release/cap.node').Cap;" };

  it.each<[string, Readonly<Record<string, string>>, string]>([
    ['is not there', {}, 'the package cap is not installed'],
    ['was never compiled', withoutBinary, 'the package cap is not built'],
    [
      'is no binary of this Node',
      { ...withoutBinary, 'build/Release/cap.node': 'no library' },
      'the package cap cannot be loaded: ',
    ],
  ])('is refused where it %s, with what to do', (_, files, reason) => {
    const from = installed(files);
    expect(canUseCap(from)).toEqual({ ok: false, reason: expect.stringContaining(reason) });
    expect(() => openCap(from)).toThrow(
      expect.objectContaining({ code: 'PLATFORM_UNSUPPORTED', hint: expect.stringContaining('npm run build:cap') }),
    );
  });

  it('gives a handle where it is built', () => {
    const from = installed({ 'index.js': 'exports.Cap = class { close() { return true; } };' });
    expect(canUseCap(from)).toEqual({ ok: true });
    expect(openCap(from).close()).toBe(true);
  });
});
