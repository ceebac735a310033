import { describe, expect, it } from 'vitest';
import { interfaceFindings } from './interface-findings.js';

const host = ['lo', 'eth0', 'eth1'].map((name) => ({ name, linkType: 'EN10MB' }));
const found = (...patterns: string[]) =>
  interfaceFindings(patterns, host).map(({ state, detail }) => `${state} ${detail}`);

describe('interfaces as doctor finds them', () => {
  it('says which may be opened', () => {
    expect(found('*', '!lo')).toEqual(['ok may be opened: eth0, eth1']);
  });

  it('says of each pattern that it names none, and of an exclusion that it excludes none', () => {
    expect(found('eth*', 'wlan0', '!veth*')).toEqual([
      'ok may be opened: eth0, eth1',
      'warning no interface wlan0 now; there are: lo, eth0, eth1',
      'warning !veth* excludes nothing now; there are: lo, eth0, eth1',
    ]);
  });

  it('says that none is left, with what to do', () => {
    expect(interfaceFindings(['*', '!*'], host)).toMatchObject([
      { state: 'warning', detail: 'none may be opened; there are: lo, eth0, eth1', advice: expect.any(String) },
    ]);
  });
});
