import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Identity } from '../opener/identity.js';
import { identityFinding } from './identity-finding.js';

describe('the agent’s identity as doctor finds it', () => {
  let state: string;
  beforeEach(() => {
    state = mkdtempSync(join(tmpdir(), 'bpfleet-doctor-'));
  });
  afterEach(() => rmSync(state, { recursive: true }));
  const folder = () => join(state, 'opener');
  const file = () => join(folder(), 'identity.json');

  it('is to be made, and is not made to see whether it can be', () => {
    expect(identityFinding(folder(), 'host-1')).toMatchObject({ state: 'ok', detail: expect.stringContaining('none') });
    expect(readdirSync(state)).toEqual([]);
  });

  it('is that of the agent', async () => {
    await (await Identity.open(folder(), 'host-1')).accepted(7, { keys: [], revokedKeys: [] }, 0);
    const detail = expect.stringMatching(/of host-1\b.*generation 7$/);
    expect(identityFinding(folder(), 'host-1')).toMatchObject({ state: 'ok', detail });
  });

  it.each([
    ['is damaged', 'host-1', (text: string) => text.replace(/"epoch":\d/, '"epoch":9')],
    ['is of another agent', 'host-2', (text: string) => text],
  ])('%s, as the opener would say, and stays as it is', async (_, agent, damage) => {
    await Identity.open(folder(), 'host-1');
    const text = damage(readFileSync(file(), 'utf8'));
    writeFileSync(file(), text);
    const refusal = await Identity.open(folder(), agent).catch((error) => error);
    const { message: detail, hint: advice } = refusal;
    expect(refusal).toMatchObject({ code: 'DATA_FOREIGN' });
    expect(identityFinding(folder(), agent)).toEqual({ name: 'identity', state: 'no', detail, advice });
    expect(readFileSync(file(), 'utf8')).toBe(text);
  });

  it('cannot be read: a file stands in the place of its folder', async () => {
    writeFileSync(folder(), '');
    const detail = expect.stringContaining(`cannot keep its identity in ${folder()}`);
    expect(identityFinding(folder(), 'host-1')).toMatchObject({ state: 'no', detail, advice: expect.any(String) });
  });
});
