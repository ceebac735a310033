import {
  chmodSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeAgentFolders } from './agent-folders.js';

const before = { uid: 65_534, gid: 65_534 };
const after = { uid: 1234, gid: 1234 };

describe("the agent's folders", () => {
  let folder: string;
  let state: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bpfleet-folders-'));
    state = join(folder, 'state');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const make = (owner?: typeof before) => makeAgentFolders(state, [join(state, 'spool')], { owner });
  const modeOf = (path: string) => lstatSync(path).mode & 0o777;
  const ownerOf = (path: string) => lstatSync(path).uid;

  it('are for this user alone', () => {
    make();
    expect(modeOf(join(state, 'spool'))).toBe(0o700);
  });

  it('have folders above them that their owner may pass', () => {
    const spool = join(folder, 'missing', 'spool');
    makeAgentFolders(state, [spool], { owner: undefined });
    expect([modeOf(join(folder, 'missing')), modeOf(spool)]).toEqual([0o711, 0o700]);
  });

  it.runIf(process.getuid?.() === 0)('leave a folder above them that users share, or another has, as it is', () => {
    const mode = () => lstatSync(state).mode & 0o7777;
    mkdirSync(state);
    for (const [uid, kept] of [
      [0, 0o1777],
      [before.uid, 0o755],
    ] as const) {
      lchownSync(state, uid, uid);
      chmodSync(state, kept);
      make(before);
      expect(mode()).toBe(kept);
    }
  });

  it.runIf(process.getuid?.() === 0)('are not taken from those who share one', () => {
    mkdirSync(join(state, 'spool'), { recursive: true });
    chmodSync(join(state, 'spool'), 0o1777);
    make(before);
    expect([ownerOf(join(state, 'spool')), lstatSync(join(state, 'spool')).mode & 0o7777]).toEqual([0, 0o1777]);
  });

  it('say what is in their place', () => {
    mkdirSync(state);
    writeFileSync(join(state, 'spool'), '');
    const message = expect.stringMatching(/EEXIST/);
    expect(() => make()).toThrow(expect.objectContaining({ code: 'DATA_NOT_WRITABLE', message }));
  });

  describe.runIf(process.getuid?.() === 0)('that another user had', () => {
    const spool = (...names: string[]) => join(state, 'spool', ...names);
    beforeEach(() => {
      make(before);
      mkdirSync(spool('keys'), { mode: 0o777 });
      for (const path of [spool('marks'), spool('keys', '7.json')]) writeFileSync(path, '');
      for (const path of [spool('keys'), spool('marks'), spool('keys', '7.json')])
        lchownSync(path, before.uid, before.gid);
    });

    it('become those of the new one, with all of bpfleet’s that is in them', () => {
      make(after);
      for (const path of [spool(), spool('keys'), spool('marks'), spool('keys', '7.json')]) {
        expect([path, ownerOf(path)]).toEqual([path, after.uid]);
      }
      expect([modeOf(state), modeOf(spool()), modeOf(spool('keys'))]).toEqual([0o711, 0o700, 0o700]);
    });

    it('leave what others put there as it is', () => {
      mkdirSync(spool('others'), { mode: 0o755 });
      const files = ['notes', 'others/00000001.seg', 'keys/notes'].map((name) => spool(name));
      for (const file of files) writeFileSync(file, '');
      make(after);
      expect([...files, spool('others')].map(ownerOf)).toEqual([0, 0, 0, 0]);
      expect(modeOf(spool('others'))).toBe(0o755);
    });

    it('become ours where the agent runs as we do', () => {
      make();
      expect([spool(), spool('keys', '7.json')].map(ownerOf)).toEqual([0, 0]);
    });

    it('give nothing away that stands elsewhere', () => {
      const elsewhere = join(folder, 'passwd');
      writeFileSync(elsewhere, '');
      symlinkSync(elsewhere, spool('00000001.seg'));
      symlinkSync(folder, spool('bundles'));
      linkSync(elsewhere, spool('00000002.seg'));
      make(after);
      expect([elsewhere, spool('00000002.seg'), folder].map(ownerOf)).toEqual([0, 0, 0]);
    });

    it('go over the rest where that ended halfway', () => {
      lchownSync(spool(), 0, 0);
      chmodSync(spool(), 0o700);
      make(after);
      expect([spool(), spool('keys', '7.json')].map(ownerOf)).toEqual([after.uid, after.uid]);
    });

    it('stay as they are for the same user', () => {
      lchownSync(spool('marks'), 0, 0);
      make(before);
      expect(ownerOf(spool('marks'))).toBe(0);
    });
  });
});
