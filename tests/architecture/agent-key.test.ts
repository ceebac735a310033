import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { joinsAcrossAgents } from './joins-across-agents.js';

const root = join(import.meta.dirname, '../../libs/store/src');

/** Each text in backticks that names a table, but for those of tests. */
function queries(): { file: string; sql: string }[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && !file.startsWith('testing/'))
    .flatMap((file) =>
      [...readFileSync(join(root, file), 'utf8').matchAll(/`[^`]*`/g)].map(([sql]) => ({
        file,
        sql: sql.slice(1, -1).replace(/\s+/g, ' ').trim(),
      })),
    )
    .filter(({ sql }) => sql.includes('analytics.'));
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
    [
      'three tables, one of them not by agent',
      'SELECT 1 FROM analytics.section JOIN analytics.flow USING (agent) JOIN analytics.ledger l ON l.at = first_ns',
      true,
    ],
    ['a common table', 'WITH late AS ( SELECT 1 FROM analytics.flow ) SELECT 1 FROM analytics.section, late', true],
    ['figures', 'WITH last AS (SELECT max(at) AS at FROM analytics.flow) SELECT 1 FROM analytics.section, last', false],
    [
      'a common table, by agent',
      'WITH late AS (SELECT agent FROM analytics.flow) SELECT 1 FROM analytics.section JOIN late USING (agent)',
      false,
    ],
    ['a table in parentheses', 'SELECT 1 FROM analytics.section s, (SELECT 1 FROM analytics.flow) f', true],
    ['a union', 'SELECT 1 FROM analytics.section UNION ALL SELECT 1 FROM analytics.flow', false],
    [
      'a union with a join in it',
      'SELECT 1 FROM analytics.section UNION ALL SELECT 1 FROM analytics.flow a, analytics.ledger b',
      true,
    ],
    [
      'a subquery for the agent outside',
      'SELECT 1 FROM analytics.flow f WHERE EXISTS (SELECT FROM analytics.ledger l WHERE l.agent = f.agent)',
      false,
    ],
    ['rows that are copied', 'INSERT INTO analytics.flow_hour SELECT agent FROM analytics.flow_minute', false],
    ['one table', 'SELECT 1 FROM analytics.section WHERE agent = 1', false],
  ])('this test tells: %s', (_, sql, isAcross) => {
    expect(joinsAcrossAgents(sql)).toBe(isAcross);
  });
});
