import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { agentsIn, payloadsOf } from './change-channel.js';

describe('payloadsOf', () => {
  it('is nothing for nobody', () => expect(payloadsOf([])).toEqual([]));
  it('holds every agent, in payloads that Postgres takes', () => {
    const agent = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/);
    fc.assert(
      fc.property(fc.array(agent, { maxLength: 600, size: 'max' }), (agents) => {
        const payloads = payloadsOf(agents);
        expect(payloads.flatMap(agentsIn)).toEqual(agents);
        expect(Math.max(0, ...payloads.map((payload) => payload.length))).toBeLessThan(8000);
      }),
      { numRuns: 30 },
    );
  });
});
