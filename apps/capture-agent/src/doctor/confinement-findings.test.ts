import { BpfleetError } from '@bpfleet/errors';
import { describe, expect, it } from 'vitest';
import { seccompFinding, toolFindings, userFinding } from './confinement-findings.js';

const tool = (...command: string[]) => ({ name: command[0]!, command, does: 'works', advice: 'install it' });

describe('confinement as doctor finds it', () => {
  it('tries tools, and says why one does not work', () => {
    expect(
      toolFindings([tool('true'), tool('sh', '-c', 'echo not permitted >&2; exit 1'), tool('no-such-tool')]),
    ).toEqual([
      { name: 'true', state: 'ok', detail: 'works' },
      { name: 'sh', state: 'warning', detail: 'does not work: not permitted', advice: 'install it' },
      { name: 'no-such-tool', state: 'warning', detail: expect.stringContaining('ENOENT'), advice: 'install it' },
    ]);
  });

  it('says as whom the process would run, and that a user is none', () => {
    expect(userFinding(() => ({ says: 'uid 65534', asRoot: undefined }))).toMatchObject({ state: 'ok' });
    expect(userFinding(() => ({ says: 'a user namespace', asRoot: 'root, since' }))).toMatchObject({
      ...{ state: 'warning', detail: 'runs as a user namespace', advice: 'root, since' },
    });
    const refuse = () => {
      throw new BpfleetError('CONFIG_INVALID', '"x" is no user', { hint: 'write it as uid:gid' });
    };
    expect(userFinding(refuse)).toEqual({
      ...{ name: 'agent process', state: 'no', detail: '"x" is no user', advice: 'write it as uid:gid' },
    });
  });

  it('says what a kernel without seccomp means', () => {
    const refuse = () => {
      throw new BpfleetError('PLATFORM_UNSUPPORTED', 'this kernel takes no seccomp filter');
    };
    expect(seccompFinding(refuse)).toMatchObject({ state: 'warning', advice: expect.stringContaining('not confined') });
  });
});
