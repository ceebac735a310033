import { expect, it } from 'vitest';
import { Coverage } from './coverage.js';

it('says how often each was seen, those never seen first', () => {
  const coverage = new Coverage();
  coverage.declare(['vlan', 'host']);
  coverage.add(['port', 'host']);
  coverage.add(['host']);
  expect(coverage.says).toBe('coverage, rarest first: vlan 0, port 1, host 2');
});
