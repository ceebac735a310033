import { spawnSync } from 'node:child_process';
import { chmodSync, lchownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { refuseForeignFolders } from './own-files.js';

describe('folders that are not made the agent’s', () => {
  let folder: string;
  let folders: { stateDir: string; spoolDir: string };
  beforeEach(() => {
    // Everybody may pass to there.
    folder = mkdtempSync('/var/tmp/bpfleet-own-');
    folders = { stateDir: join(folder, 'state'), spoolDir: join(folder, 'spool') };
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const refuse = () => refuseForeignFolders(folders);
  function holds(path: string): void {
    const names = path.split('/');
    mkdirSync(join(folder, ...names.slice(0, -1)), { recursive: true });
    writeFileSync(join(folder, path), '');
  }
  const refused = (...words: string[]) =>
    expect.objectContaining({
      code: 'DATA_FOREIGN',
      message: expect.stringContaining(words[0]!),
      hint: expect.stringContaining(words[1]!),
    });

  it('are those that hold something else', () => {
    holds('state/notes');
    expect(refuse).toThrow(refused('state holds other files (notes)', 'BPFLEET_AGENT_STATE_DIR'));
    rmSync(folders.stateDir, { recursive: true });
    holds('spool/.profile');
    // Others have such folders too.
    mkdirSync(join(folders.spoolDir, 'keys'));
    expect(refuse).toThrow(refused('spool holds other files (.profile)', 'BPFLEET_AGENT_SPOOL_DIR'));
  });

  it('are none that are new or empty, nor a new disk', () => {
    expect(refuse).not.toThrow();
    for (const path of [folders.stateDir, folders.spoolDir]) mkdirSync(join(path, 'lost+found'), { recursive: true });
    expect(refuse).not.toThrow();
  });

  it('are none of bpfleet’s, also where some of it is lost, or somebody put a file there', () => {
    for (const path of [
      'state/opener/identity.json.new',
      'state/control/desired.json',
      'spool/00000001.seg',
      'spool/keys/1.json',
    ])
      holds(path);
    expect(refuse).not.toThrow();
    for (const path of ['state/opener/identity.json', 'state/notes', 'spool/marks', 'spool/notes']) holds(path);
    expect(refuse).not.toThrow();
  });

  it.each(['marks', '00000001.seg', 'keys/1.json'])('are no spool that has %s of all that is bpfleet’s', (path) => {
    for (const name of [path, 'notes']) holds(`spool/${name}`);
    expect(refuse).not.toThrow();
  });

  it.each(['opener/identity.json', 'control/desired.json', 'control/bundles/0a.json', 'spool/00000001.seg'])(
    'are no state folder that has %s of all that is bpfleet’s',
    (path) => {
      for (const name of [path, 'notes']) holds(`state/${name}`);
      expect(refuse).not.toThrow();
    },
  );

  it.runIf(process.getuid?.() === 0)(
    'are found by an opener with few capabilities, which may not look into them',
    () => {
      holds('spool/notes');
      chmodSync(folder, 0o755);
      chmodSync(folders.spoolDir, 0o700);
      lchownSync(folders.spoolDir, 65_534, 65_534);
      const script = `const { refuseForeignFolders } = await import(process.argv[1]);
      try { refuseForeignFolders({ stateDir: '/nowhere', spoolDir: process.argv[2] }); } catch (error) { console.log(error.message); }`;
      const entry = new URL('../../dist/opener/own-files.js', import.meta.url).href;
      // No CAP_DAC_OVERRIDE.
      const few = [
        '--bounding-set=-all,+setuid,+setgid',
        '--inh-caps=-all',
        process.execPath,
        '--input-type=module',
        '-e',
      ];
      const said = () => spawnSync('setpriv', [...few, script, entry, folders.spoolDir], { encoding: 'utf8' }).stdout;
      expect(said()).toContain('holds other files (notes)');
      holds('spool/keys/1.json');
      chmodSync(join(folders.spoolDir, 'keys'), 0o700);
      lchownSync(join(folders.spoolDir, 'keys'), 65_534, 65_534);
      expect(said()).toBe('');
    },
  );
});
