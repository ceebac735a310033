import type { IdentityConflict } from '@bpfleet/contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeFleet } from '../../fakes/fake-fleet.js';
import { runCommand } from '../../fakes/fake-terminal.js';

const noticed = { firstNoticedAt: '2026-11-22T10:00:00.000Z', lastNoticedAt: '2026-11-22T10:05:00.000Z' };
const conflicts: readonly IdentityConflict[] = [
  { agent: 'host-1', epoch: 7, kind: 'overlap', sections: 12, ...noticed },
  { agent: 'host-2', epoch: 3, kind: 'other-key', sections: 1, ...noticed },
];

describe('agent conflicts', () => {
  let fleet: FakeFleet;
  let server: string;
  beforeEach(async () => {
    fleet = new FakeFleet();
    server = await fleet.start();
    fleet.conflicts = conflicts;
  });
  afterEach(() => fleet.stop());
  const run = (...args: string[]) => runCommand(['agent', 'conflicts', '--server', server, ...args]);

  it('shows each kind, and what became of its sections', async () => {
    const { code, out } = await run('-n', '5');
    expect(code).toBe(0);
    expect(fleet.requests).toEqual(['GET /api/v1/identity-conflicts?limit=5']);
    expect(out).toBe(
      [
        'AGENT   EPOCH  KIND       SECTIONS  THEY ARE       FIRST NOTICED             LAST NOTICED',
        'host-1      7  overlap          12  stored         2026-11-22T10:00:00.000Z  2026-11-22T10:05:00.000Z',
        'host-2      3  other-key         1  in quarantine  2026-11-22T10:00:00.000Z  2026-11-22T10:05:00.000Z',
        '',
      ].join('\n'),
    );
  });

  it('gives programs the answer as it is', async () => {
    expect(JSON.parse((await run('-o', 'json')).out)).toEqual({ items: conflicts });
  });

  it('says that there are none', async () => {
    fleet.conflicts = [];
    expect(await run()).toMatchObject({ code: 0, out: '', err: 'no conflicts\n' });
  });

  it.each(['0', '1001', 'x'])('does not list %s of them', async (limit) => {
    expect((await run('-n', limit)).code).toBe(2);
    expect(fleet.requests).toEqual([]);
  });
});
