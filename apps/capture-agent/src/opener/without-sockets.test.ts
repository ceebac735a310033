import { describe, expect, it } from 'vitest';
import type { SocketPlan } from './plan.js';
import { plannedMembers, reportedOutcomes } from './without-sockets.js';

const member = (filter: string, more: object = {}) => ({
  captured: { filter, version: 2, digest: `sha256:${filter}`, expression: '', ...more },
});
const file = { name: 'file', index: 0, linkType: 'EN10MB', cooked: false };
const refused = { filter: 'bad', version: 1, digest: '', interface: 'file', linkType: 'EN10MB', state: 'refused' };
const selfTest = { packets: 3, inKernel: 0 };
const plan = {
  sockets: [{ interface: file, members: [member('web', { selfTest }), member('dns')] }],
  refused: [refused],
} as unknown as SocketPlan;

describe('a plan whose sockets nobody opens', () => {
  it('is reported as it is, with what is refused', () => {
    const on = { version: 2, interface: 'file', linkType: 'EN10MB', state: 'reported' };
    expect(reportedOutcomes(plan)).toEqual([
      { filter: 'web', digest: 'sha256:web', ...on, selfTest },
      { filter: 'dns', digest: 'sha256:dns', ...on },
      refused,
    ]);
  });

  it('has the members that the source filters with on each interface', () => {
    expect(plannedMembers(plan)).toEqual([
      { interface: file, members: [member('web', { selfTest }).captured, member('dns').captured] },
    ]);
  });
});
