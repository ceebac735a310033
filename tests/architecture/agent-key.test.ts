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
    [
      'not in parentheses',
      'SELECT 1 FROM analytics.flow a JOIN analytics.ledger b ON a.at = b.at WHERE NOT (a.agent = b.agent)',
      true,
    ],
    ['a comparison in the answer', 'SELECT a.agent = b.agent FROM analytics.flow a, analytics.ledger b', true],
    [
      'a comparison to sort by',
      'SELECT 1 FROM analytics.flow a JOIN analytics.ledger b ON a.at = b.at ORDER BY a.agent = b.agent',
      true,
    ],
    [
      'a comparison behind DISTINCT ON',
      'SELECT DISTINCT ON (at) 1 AND a.agent = b.agent AND 1 FROM analytics.flow a, analytics.ledger b',
      true,
    ],
    [
      'an OR in parentheses',
      'SELECT 1 FROM analytics.flow a JOIN analytics.ledger b ON a.at = b.at WHERE a.at > 1 OR (a.agent = b.agent)',
      true,
    ],
    [
      'an OR behind parentheses',
      'SELECT 1 FROM analytics.flow a JOIN analytics.ledger b ON a.at = b.at WHERE (a.agent = b.agent AND a.at > 1) OR b.at > 1',
      true,
    ],
    [
      'an OR behind another term',
      'SELECT 1 FROM analytics.flow a JOIN analytics.ledger b ON a.at = b.at WHERE a.agent = b.agent AND a.at > 1 OR b.at > 1',
      true,
    ],
    [
      'a comparison that is false',
      'SELECT 1 FROM analytics.flow a JOIN analytics.ledger b ON a.at = b.at WHERE (a.agent = b.agent) = false',
      true,
    ],
    [
      'a comparison that is not true',
      'SELECT 1 FROM analytics.flow a JOIN analytics.ledger b ON a.at = b.at WHERE a.agent = b.agent IS NOT TRUE',
      true,
    ],
    [
      'a case',
      'SELECT 1 FROM analytics.flow a JOIN analytics.ledger b ON a.at = b.at WHERE CASE WHEN a.at > 1 AND a.agent = b.agent AND b.at > 1 THEN false ELSE true END',
      true,
    ],
    [
      'a filter of what is counted',
      'SELECT count(*) FILTER (WHERE a.agent = b.agent) FROM analytics.flow a, analytics.ledger b',
      true,
    ],
    [
      'a condition of conflicts',
      'INSERT INTO analytics.progress AS p SELECT 1 FROM analytics.flow, analytics.ledger ON CONFLICT (agent) DO UPDATE SET at = 1 WHERE p.agent = excluded.agent',
      true,
    ],
    [
      'the same comparison twice',
      'SELECT 1 FROM analytics.flow a, analytics.ledger b, analytics.section c WHERE a.agent = b.agent AND b.agent = a.agent',
      true,
    ],
    [
      'rows that are merged by time',
      'MERGE INTO analytics.flow_hour h USING analytics.flow_minute m ON h.at = m.at WHEN MATCHED AND h.agent = m.agent AND h.at > 1 THEN DELETE',
      true,
    ],
    [
      'rows that are merged, by agent',
      'MERGE INTO analytics.flow_hour h USING analytics.flow_minute m ON h.agent = m.agent AND h.at = m.at WHEN MATCHED THEN DELETE',
      false,
    ],
    [
      'a subquery whose own tables are of one agent',
      'SELECT 1 FROM analytics.flow WHERE EXISTS (SELECT FROM analytics.ledger l JOIN analytics.section s ON l.agent = s.agent)',
      true,
    ],
    [
      'one of several terms of a join',
      'SELECT 1 FROM analytics.flow a JOIN analytics.ledger b ON a.at = b.at LEFT JOIN analytics.section c ON c.at = 1 AND c.agent = a.agent WHERE NOT a.at = 1 AND a.agent = b.agent AND left(b.at, 1) = 1 ORDER BY 1',
      false,
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
