import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Assigned, desiredContents } from './desired-content.js';

const fleet = {
  settings: { flushWindowMs: 200, reportIntervalMs: 60_000, budgets: {} },
  excluded: [{ host: 'kafka', port: 9092 }],
  linkerVersion: 1,
  keys: ['a key'],
  revokedKeys: [],
};
const assigned = (filter: string, version: number, selector: string, revision: number): Assigned => ({
  filter,
  version,
  selector,
  revision,
});

describe('desiredContents', () => {
  it('gives an agent what its labels select, by name, and what all agents get', () => {
    const contentFor = desiredContents(
      [assigned('web', 2, 'role=web', 1), assigned('dns', 1, '', 2), assigned('db', 1, 'role=db', 3)],
      fleet,
    );
    expect(contentFor({ role: 'web' })).toEqual({
      ...fleet,
      filters: [
        { filter: 'dns', version: 1 },
        { filter: 'web', version: 2 },
      ],
    });
  });
  it('takes the newest of several assignments of a filter, however specific the others are', () => {
    const contentFor = desiredContents(
      [assigned('web', 3, 'role=web,env=prod', 1), assigned('web', 1, '', 9), assigned('web', 2, 'role=web', 4)],
      fleet,
    );
    expect(contentFor({ role: 'web', env: 'prod' }).filters).toEqual([{ filter: 'web', version: 1 }]);
  });
  it('does not depend on the order of the assignments, and names each filter once', () => {
    const one = fc.record({
      filter: fc.constantFrom('web', 'dns', 'db'),
      version: fc.integer({ min: 1, max: 5 }),
      selector: fc.constantFrom('', 'env=prod', 'env!=prod', 'role in (web,db)', '!role'),
    });
    const labels = fc.record(
      { env: fc.constantFrom('prod', 'dev'), role: fc.constantFrom('web', 'db') },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.array(one), fc.func(fc.integer()), labels, (some, order, labelsOf) => {
        const assignments = some.map((each, index) => ({ ...each, revision: index + 1 }));
        const shuffled = assignments.toSorted((a, b) => order(a) - order(b));
        const content = desiredContents(assignments, fleet)(labelsOf);
        expect(desiredContents(shuffled, fleet)(labelsOf)).toEqual(content);
        expect(new Set(content.filters.map(({ filter }) => filter)).size).toBe(content.filters.length);
      }),
    );
  });
});
