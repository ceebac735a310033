import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tablesByAgent } from './agent-key.js';

const root = join(import.meta.dirname, '../../libs/store/src');
const ofAgents = new RegExp(`analytics\\.(${tablesByAgent.join('|')})\\b`, 'g');

/** Each text in backticks that names a table, but for those of tests. */
function queries(): { file: string; sql: string }[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && !file.startsWith('testing/'))
    .flatMap((file) =>
      [...readFileSync(join(root, file), 'utf8').matchAll(/`[^`]*`/g)].map(([sql]) => ({
        file,
        sql: sql.replace(/\s+/g, ' '),
      })),
    )
    .filter(({ sql }) => sql.match(ofAgents) !== null);
}

/** Whether rows of two tables, or of one table twice, meet in it without being of the same agent. */
function joinsAcrossAgents(sql: string): boolean {
  const outside = withoutCommonTables(sql);
  const tables = outside.match(ofAgents) ?? [];
  const isSameAgent = /\bUSING ?\(agent\b|\b\w+\.agent = \w+\.agent\b/.test(outside);
  return tables.length > 1 && !isSameAgent && !/ UNION /.test(outside);
}

/** Without what `WITH name AS (…)` computes beforehand: that is another query, whose result is handed round. */
function withoutCommonTables(sql: string): string {
  const begin = /\b\w+ AS (MATERIALIZED )?\( ?(SELECT|INSERT|UPDATE|DELETE)\b/.exec(sql);
  if (begin === null) return sql;
  const open = sql.indexOf('(', begin.index);
  let depth = 0;
  for (let at = open; at < sql.length; at++) {
    if (sql[at] === '(') depth++;
    if (sql[at] === ')' && --depth === 0) return withoutCommonTables(sql.slice(0, begin.index) + sql.slice(at + 1));
  }
  return sql;
}

describe('queries of the store', () => {
  it('are found', () => {
    expect(queries().length).toBeGreaterThan(10);
  });
  it('join no rows of different agents: they can be spread by agent', () => {
    expect(queries().filter(({ sql }) => joinsAcrossAgents(sql))).toEqual([]);
  });
  it.each([
    ['a join by time', 'SELECT 1 FROM analytics.section s JOIN analytics.flow f ON f.first_ns = s.ts_min', true],
    ['a list of tables', 'SELECT 1 FROM analytics.section s, analytics.flow f', true],
    ['a subquery', 'SELECT 1 FROM analytics.flow WHERE first_ns IN (SELECT ts_min FROM analytics.section)', true],
    ['a join by agent', 'SELECT 1 FROM analytics.section JOIN analytics.flow USING (agent, epoch)', false],
    ['two queries', 'WITH late AS ( SELECT 1 FROM analytics.flow ) SELECT 1 FROM analytics.section, late', false],
    ['one table', 'SELECT 1 FROM analytics.section WHERE agent = 1', false],
  ])('this test tells: %s', (_, sql, isAcross) => {
    expect(joinsAcrossAgents(sql)).toBe(isAcross);
  });
});
