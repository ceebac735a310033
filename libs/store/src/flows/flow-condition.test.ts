import { describe, expect, it } from 'vitest';
import { conditionSql, type FlowCondition } from './flow-condition.js';

const family = (family: 4 | 6): FlowCondition => ({ kind: 'family', family });
const port = (from: number): FlowCondition => ({ kind: 'port', end: 'source', from, to: from });

/** `P and 1 or 2 and 3 …`, which binds from the left. */
function alternating(count: number): FlowCondition {
  let condition = family(4);
  for (let n = 1; n <= count; n++) condition = { kind: n % 2 === 0 ? 'any' : 'all', of: [condition, port(n)] };
  return condition;
}

describe('conditionSql', () => {
  it('shows the planner what indexes are chosen by', () => {
    const condition: FlowCondition = { kind: 'all', of: [{ kind: 'any', of: [family(4), port(1)] }, port(2)] };
    expect(conditionSql(condition)).toBe(
      '((family(source) = 4 OR COALESCE(source_port, -1) BETWEEN 1 AND 1) AND COALESCE(source_port, -1) BETWEEN 2 AND 2)',
    );
  });
  it('writes a long chain as one list, whatever it alternates', () => {
    const sql = conditionSql(alternating(10_000));
    expect(sql.match(/CASE/g)).toHaveLength(1);
    expect(sql.match(/ THEN true/g)!.length).toBe(sql.match(/ THEN false/g)!.length);
    expect(sql.match(/ THEN /g)!.length).toBeGreaterThan(9_990);
  });
  it('asks nothing of an empty list', () => {
    expect(conditionSql({ kind: 'all', of: [] })).toBe('true');
    expect(conditionSql({ kind: 'not', of: { kind: 'any', of: [] } })).toBe('NOT false');
  });
});
