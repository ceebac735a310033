import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { joinsAcrossAgents } from './joins-across-agents.js';

const root = join(import.meta.dirname, '../..');
const folders = ['libs/store/src', 'apps/analytics/src', 'libs/store/migrations'];
const TEXTS = /`[^`]*`|'[^'\n]*'|"[^"\n]*"/g;
const VIEWS = /\bAS\s+SELECT[^;]*;/g;

/** Each text that names a table, but for those of tests, and what views select. */
function queries(): { file: string; sql: string }[] {
  return folders
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)),
    )
    .filter((file) => /\.(ts|sql)$/.test(file) && !file.endsWith('.test.ts') && !file.includes('/testing/'))
    .flatMap((file) =>
      [...readFileSync(join(root, file), 'utf8').matchAll(file.endsWith('.sql') ? VIEWS : TEXTS)].map(([sql]) => ({
        file,
        sql: sql
          .replace(/^AS\b|^[`'"]|[`'"]$/g, '')
          .replace(/\s+/g, ' ')
          .trim(),
      })),
    )
    .filter(({ sql }) => sql.includes('analytics.'));
}

describe('queries of the store', () => {
  it('are found', () => {
    expect(queries().length).toBeGreaterThan(40);
    expect(new Set(queries().map(({ file }) => file.slice(file.lastIndexOf('.'))))).toEqual(new Set(['.ts', '.sql']));
  });
  it('join no rows of different agents: they can be spread by agent', () => {
    expect(queries().filter(({ sql }) => joinsAcrossAgents(sql))).toEqual([]);
  });
  it.each([
    ['a join by time', 'SELECT 1 FROM analytics.section s JOIN analytics.flow f ON f.first_ns = s.ts_min', true],
    ['a list of tables', 'SELECT 1 FROM analytics.section s, analytics.flow f', true],
    ['a subquery', 'SELECT 1 FROM analytics.flow WHERE first_ns IN (SELECT ts_min FROM analytics.section)', true],
    ['a view', 'SELECT 1 FROM analytics.section s JOIN analytics.flow_direction f ON f.first_ns = s.ts_min', true],
    ['a table with itself', 'SELECT 1 FROM analytics.flow a JOIN analytics.ledger b ON a.agent = a.agent', true],
    ['or of one agent', 'SELECT 1 FROM analytics.flow a, analytics.ledger b WHERE a.at > 1 OR a.agent = b.agent', true],
    ['not of one agent', 'SELECT 1 FROM analytics.flow a, analytics.ledger b WHERE NOT a.agent = b.agent', true],
    [
      'agents and times that are handed round',
      'WITH t AS (SELECT DISTINCT agent, ts FROM analytics.flow) SELECT 1 FROM analytics.section, t',
      true,
    ],
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
