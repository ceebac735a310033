import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PrivateKey } from '@bpfleet/service';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { noAmount } from './amount.js';
import { DiskRetry } from './disk-retry.js';
import { SessionKeys } from './session-keys.js';
import { SpoolErrors } from './spool-errors.js';

const folder = mkdtempSync(join(tmpdir(), 'bpfleet-undeletable-'));
const attribute = (change: '+i' | '-i', path: string) => execFileSync('chattr', [change, path], { stdio: 'ignore' });
const isPossible = canForbid();
const title = `a session key that may not be deleted${isPossible ? '' : ' [skipped: no chattr +i here]'}`;

function canForbid(): boolean {
  const probe = join(folder, 'probe');
  writeFileSync(probe, '');
  try {
    attribute('+i', probe);
    attribute('-i', probe);
    return true;
  } catch {
    return false;
  }
}

afterAll(() => rmSync(folder, { recursive: true }));

describe.runIf(isPossible)(title, () => {
  it('is deleted once it may be; until then the status says what to do', async () => {
    const spool = { troubles: [], counts: { damaged: noAmount, evicted: noAmount }, passed: noAmount };
    const keys = new SessionKeys(folder);
    const errors = new SpoolErrors(folder, 1000, spool, keys);
    const onTaken = vi.fn();
    const retry = new DiskRetry(folder, errors, keys, onTaken, 5);
    await keys.open();
    await keys.add(6, { key: PrivateKey.generate(), delegation: '' });
    const file = join(folder, 'keys', '6.json');
    attribute('+i', file);
    try {
      await keys.forgetAllBut(new Set([7]));
      expect(errors.current).toMatchObject([
        { message: expect.stringMatching(/deleting that of epoch 6: EPERM: .*, unlink .*can be written$/) },
      ]);
      retry.look();
    } finally {
      attribute('-i', file);
    }
    await vi.waitFor(() => expect(onTaken).toHaveBeenCalledOnce());
    expect([errors.current, existsSync(file)]).toEqual([[], false]);
    retry.stop();
  });
});
