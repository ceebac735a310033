import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PrivateKey } from '@bpfleet/service';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sessionKeyText } from './session-key-file.js';
import { SessionKeys } from './session-keys.js';

describe('SessionKeys', () => {
  let folder = '';
  let keys: SessionKeys;
  const session = { key: PrivateKey.generate(), delegation: '{"payload":"…"}' };

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'bpfleet-keys-'));
    keys = new SessionKeys(folder);
    await keys.open();
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const reopened = async (): Promise<SessionKeys> => {
    const next = new SessionKeys(folder);
    await next.open();
    return next;
  };

  it('has what the process before kept, for nobody else to read', async () => {
    await keys.add(7, session);
    const kept = (await reopened()).get(7);
    expect(kept?.delegation).toBe(session.delegation);
    expect(kept?.key.publicKey).toBe(session.key.publicKey);
    expect(statSync(join(folder, 'keys')).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, 'keys', '7.json')).mode & 0o777).toBe(0o600);
  });

  it('deletes those of epochs that nothing waits of', async () => {
    for (const epoch of [5, 6, 7]) await keys.add(epoch, session);
    await keys.forgetAllBut(new Set([6, 7]));
    expect(keys.get(5)).toBeUndefined();
    expect(keys.get(6)).toBeDefined();
    expect(readdirSync(join(folder, 'keys')).sort()).toEqual(['6.json', '7.json']);
    rmSync(join(folder, 'keys', '6.json'));
    await keys.forgetAllBut(new Set([7]));
    expect([keys.areKept, keys.troubles]).toEqual([true, []]);
  });

  it.each([
    ['empty', ''],
    ['half a file', '{"privateKey": "-----BEGIN'],
    ['no key', '{"privateKey": "secret", "delegation": ""}'],
    ['changed', sessionKeyText(session).replace(/delegation":"../, 'delegation":"[')],
    ['larger than any', `${sessionKeyText(session)}${' '.repeat(16 * 1024)}`],
  ])('leaves out one that is %s, says so without its text, and deletes it in its time', async (_, text) => {
    await keys.add(7, session);
    writeFileSync(join(folder, 'keys', '6.json'), text);
    const next = await reopened();
    expect([next.get(6), next.get(7)?.delegation]).toEqual([undefined, session.delegation]);
    expect(next.troubles).toEqual([expect.stringContaining('reading that of epoch 6')]);
    expect(next.troubles.join()).not.toContain('secret');
    await next.forgetAllBut(new Set([7]));
    expect(readdirSync(join(folder, 'keys'))).toEqual(['7.json']);
  });

  it('deletes one that it could not as soon as it can, and says so until then', async () => {
    // Root may delete anything but a folder in the place of a file.
    mkdirSync(join(folder, 'keys', '6.json'));
    const next = await reopened();
    await next.forgetAllBut(new Set([7]));
    await next.forgetAllBut(new Set([7]));
    await next.keepRefused();
    expect(next.areKept).toBe(false);
    expect(next.troubles.at(-1)).toMatch(/deleting that of epoch 6: EISDIR: .*, unlink /);
    rmSync(join(folder, 'keys', '6.json'), { recursive: true });
    writeFileSync(join(folder, 'keys', '6.json'), '');
    await next.keepRefused();
    expect([next.areKept, next.troubles, readdirSync(join(folder, 'keys'))]).toEqual([true, [], []]);
  });

  it('takes no notice of other files', async () => {
    writeFileSync(join(folder, 'keys', 'README'), 'mine');
    writeFileSync(join(folder, 'keys', '7.json.new'), '{');
    const next = await reopened();
    await next.forgetAllBut(new Set());
    expect(next.troubles).toEqual([]);
    expect(readFileSync(join(folder, 'keys', 'README'), 'utf8')).toBe('mine');
  });

  it('signs with a key that the disk does not take, and says so', async () => {
    // Root may write anywhere but into a file.
    rmSync(join(folder, 'keys'), { recursive: true });
    writeFileSync(join(folder, 'keys'), '');
    await keys.add(8, session);
    expect(keys.get(8)).toBe(session);
    expect(keys.troubles).toEqual([expect.stringContaining('keeping that of epoch 8')]);
    await keys.keepRefused();
    expect(keys.troubles).toEqual([expect.stringContaining('keeping that of epoch 8')]);
    rmSync(join(folder, 'keys'));
    mkdirSync(join(folder, 'keys'));
    chmodSync(join(folder, 'keys'), 0o700);
    await Promise.all([keys.keepRefused(), keys.keepRefused()]);
    expect([keys.areKept, keys.troubles]).toEqual([true, []]);
    expect((await reopened()).get(8)?.delegation).toBe(session.delegation);
  });

  it('opens where the folder is none, says so, and keeps keys again once it may', async () => {
    rmSync(join(folder, 'keys'), { recursive: true });
    writeFileSync(join(folder, 'keys'), '');
    const next = await reopened();
    expect(next.troubles).toEqual([expect.stringMatching(/reading them: EEXIST/)]);
    await next.add(8, session);
    rmSync(join(folder, 'keys'));
    await next.keepRefused();
    expect(next.troubles).toEqual([]);
    expect((await reopened()).get(8)?.delegation).toBe(session.delegation);
  });

  it('does not keep what nothing waits of any more', async () => {
    rmSync(join(folder, 'keys'), { recursive: true });
    writeFileSync(join(folder, 'keys'), '');
    await keys.add(8, session);
    expect(keys.areKept).toBe(false);
    await keys.forgetAllBut(new Set([9]));
    expect(keys.areKept).toBe(true);
    expect(keys.troubles.filter((trouble) => trouble.includes('keeping'))).toEqual([]);
    rmSync(join(folder, 'keys'));
    mkdirSync(join(folder, 'keys'));
    await keys.keepRefused();
    expect(readdirSync(join(folder, 'keys'))).toEqual([]);
  });
});
