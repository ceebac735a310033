import { createDatabase, type TestDatabase } from '@bpfleet/test-environment';
import { postgres, suiteRequires } from '@bpfleet/test-environment/requirements';
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ensurePartitions } from '../partitions.js';
import { createPool } from '../pool.js';
import { analyticsDatabase } from '../testing/analytics-database.js';
import type { FlowCondition } from './flow-condition.js';
import { pendingValues, withFlows } from './flow-query.js';
import { HOUR_NS } from './flow-row.js';
import { BEGIN_SNAPSHOT } from './flow-store.js';

const allOf = (...of: FlowCondition[]): FlowCondition => ({ kind: 'all', of });
const anyOf = (...of: FlowCondition[]): FlowCondition => ({ kind: 'any', of });
const TCP: FlowCondition = { kind: 'protocol', protocols: [6] };
const host = (n: number): FlowCondition => {
  const ends = ['source', 'destination'] as const;
  const of = { address: Uint8Array.of(10, 0, n >> 8, n & 255), mask: new Uint8Array(4).fill(255) };
  return anyOf(...ends.map((end): FlowCondition => ({ kind: 'address', end, ...of })));
};
const port = (n: number): FlowCondition => {
  const of = { kind: 'port', from: n, to: n } as const;
  return allOf(TCP, anyOf({ ...of, end: 'source' }, { ...of, end: 'destination' }));
};
const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);

/** `tcp and host … or port …`, so many times. */
const chain = (count: number) =>
  numbers(count).reduce<FlowCondition>((before, n) => anyOf(allOf(before, host(n)), port(n + 1)), TCP);

suiteRequires('Planning questions about flows', { postgres: await postgres() }, ({ postgres: server }) => {
  let database: TestDatabase;
  let pool: pg.Pool;
  beforeAll(async () => {
    database = await createDatabase(server.connection, analyticsDatabase);
    pool = createPool({ connection: database.connection, name: 'test', onError: () => {} });
    await ensurePartitions(pool);
  });
  afterAll(async () => {
    await pool.end();
    await database.drop();
  });

  async function planOf(condition: FlowCondition, setting = ''): Promise<string[]> {
    const hour = new Date(Math.floor(Date.now() / 3_600_000) * 3_600_000);
    const sinceNs = BigInt(hour.getTime()) * 1_000_000n;
    const sql = withFlows({ sinceNs, untilNs: sinceNs + HOUR_NS, condition }, [hour]);
    const client = await pool.connect();
    await client.query(`${BEGIN_SNAPSHOT}; ${setting}`);
    const explain = `EXPLAIN (SUMMARY) ${sql} SELECT * FROM flows`;
    const { rows } = await client.query<{ 'QUERY PLAN': string }>(explain, pendingValues([]));
    await client.query('ROLLBACK');
    client.release();
    return rows.map((row) => row['QUERY PLAN']);
  }

  /** The least of some: what else the machine does only adds. */
  async function planningMs(condition: FlowCondition): Promise<number> {
    const times: number[] = [];
    for (const _ of numbers(5)) {
      const line = (await planOf(condition)).find((text) => text.startsWith('Planning Time'));
      times.push(Number(/[\d.]+/.exec(line!)![0]));
    }
    return Math.min(...times);
  }

  const shapes: [string, (count: number) => FlowCondition][] = [
    ['a chain whose operators alternate', chain],
    ['lists of lists', (count) => allOf(...numbers(count).map((n) => anyOf(host(n), port(n + 1))))],
    [
      'parentheses to the right',
      (count) => numbers(count).reduce<FlowCondition>((rest, n) => anyOf(host(n), allOf(port(n + 1), rest)), TCP),
    ],
  ];
  it.each(shapes)(
    'takes a planning time that grows with the terms, not with their power: %s',
    async (_name, shape) => {
      await planOf(shape(8));
      expect(await planningMs(shape(16))).toBeLessThan(5 * (await planningMs(shape(8))));
      expect(await planningMs(shape(240))).toBeLessThan(50 * (await planningMs(shape(24))));
    },
    60_000,
  );

  it('leaves the planner what it chooses the indexes of addresses by', async () => {
    for (const condition of [
      allOf(host(1), TCP),
      allOf(anyOf(host(1), host(2)), port(80)),
      anyOf(allOf(host(1), port(80)), allOf(host(2), port(53))),
      anyOf(...numbers(300).map(host)),
    ]) {
      const plan = (await planOf(condition, 'SET LOCAL enable_seqscan = off')).join('\n');
      expect(plan).toMatch(/Index.* on flow_\d+_source/);
      expect(plan).toMatch(/Index.* on flow_\d+_destination/);
    }
  });
});
