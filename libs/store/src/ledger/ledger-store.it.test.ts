import { crc32 } from 'node:zlib';
import { formatInstantNs } from '@bpfleet/contract';
import { createDatabase, type TestDatabase } from '@bpfleet/test-environment';
import { postgres, suiteRequires } from '@bpfleet/test-environment/requirements';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { IngestStore } from '../ingest/ingest-store.js';
import { createPool } from '../pool.js';
import type { HeldPosition, IngestBatch, LossRow, QuarantineRow, SectionRow } from '../rows.js';
import { analyticsDatabase } from '../testing/analytics-database.js';
import { LedgerStore, type LossQuery } from './ledger-store.js';

const SECOND_NS = 1_000_000_000n;
const nowNs = BigInt(Date.now()) * 1_000_000n;
const startNs = nowNs - 3600n * SECOND_NS;

let database: TestDatabase;
let pool: pg.Pool;
let ledger: LedgerStore;
let ingest: IngestStore;
let position: HeldPosition;

/** A section of a second and ten packets, as an agent counts that loses nothing. */
function section(agent: string, seq: number, given: Partial<SectionRow> = {}): SectionRow {
  const body = Buffer.from(`${agent} ${given.epoch ?? 1} ${seq}`);
  const tsMinNs = startNs + BigInt(seq) * SECOND_NS;
  const counters = { captured: 10 * (seq + 1), kept: 10 * (seq + 1), dropped: 0, ...given.counters };
  return {
    ...{ offset: 0n, agent, epoch: 1, seq, crc32: crc32(body), tsMinNs, tsMaxNs: tsMinNs + SECOND_NS - 1n },
    ...{ packets: 10, filters: ['web@3'], droppedByKernel: 0, clockSuspect: false, body },
    ...given,
    counters,
  };
}

async function commit(sections: readonly SectionRow[], more: Partial<IngestBatch> = {}): Promise<void> {
  const next = position.next + 100n;
  await ingest.commit({ position, next, sections, quarantined: [], losses: [], ...more });
  position = { ...position, next };
}

const all = (query: Partial<LossQuery> = {}) =>
  ledger.losses({ sinceNs: startNs, untilNs: nowNs + 60n * SECOND_NS, ...query });
const NOTHING = {
  ...{ droppedByKernel: 0, lostByAgents: 0, leftOutByAgents: 0, sectionsMissing: 0, packetsMissing: 0 },
  ...{ recordsQuarantined: 0, recordsLost: 0 },
};

suiteRequires('The ledger of the store', { postgres: await postgres() }, ({ postgres: server }) => {
  beforeAll(async () => {
    database = await createDatabase(server.connection, analyticsDatabase);
    pool = createPool({ connection: database.connection, name: 'test', onError: () => {} });
    ledger = new LedgerStore(pool);
    ingest = new IngestStore(pool);
    position = await ingest.takePosition('log', 0, 'me');
  });
  afterAll(async () => {
    await pool.end();
    await database.drop();
  });

  describe('LedgerStore', () => {
    it('says that nothing is lost where nothing is', async () => {
      await commit([section('whole', 0), section('whole', 1)]);
      await commit([section('whole', 2)]);
      // A redelivery is no news.
      await commit([section('whole', 1), section('whole', 2)]);
      expect(await all()).toEqual(NOTHING);
    });

    it('counts what the kernel dropped, by the time of it', async () => {
      await commit([section('dropping', 0, { counters: { dropped: 3 } })]);
      await commit([section('dropping', 1, { counters: { dropped: 3 } })]);
      await commit([section('dropping', 600, { counters: { dropped: 10 } })]);
      const dropped = async (query: object) => (await all({ agent: 'dropping', ...query })).droppedByKernel;
      expect(await dropped({})).toBe(10);
      expect(await dropped({ untilNs: startNs + SECOND_NS / 2n })).toBe(3);
      // Some time between the two sections.
      expect(await dropped({ sinceNs: startNs + 300n * SECOND_NS, untilNs: startNs + 301n * SECOND_NS })).toBe(7);
      expect(await dropped({ sinceNs: startNs + 700n * SECOND_NS })).toBe(0);
    });

    it('counts sections that never came, and takes back those that come late', async () => {
      await commit([section('evicting', 0), section('evicting', 5)]);
      const missing = { sectionsMissing: 4, packetsMissing: 40 };
      expect(await all({ agent: 'evicting' })).toEqual({ ...NOTHING, ...missing });
      await commit([section('evicting', 3)]);
      expect(await all({ agent: 'evicting' })).toMatchObject({ sectionsMissing: 3, packetsMissing: 30 });
    });

    it('shows no range less than was lost in it, whatever comes late', async () => {
      const lost = [6, 30, 59];
      const sections = Array.from({ length: 120 }, (_, seq) => section('late', seq));
      await commit(sections.filter(({ seq }) => !lost.includes(seq)));
      const missing = (since: number, until: number) =>
        all({
          ...{ agent: 'late', sinceNs: startNs + BigInt(since) * SECOND_NS },
          untilNs: startNs + BigInt(until) * SECOND_NS,
        }).then(({ sectionsMissing, packetsMissing }) => [sectionsMissing, packetsMissing]);
      await commit([sections[6]!, sections[59]!]);
      expect(await missing(0, 130)).toEqual([1, 10]);
      expect(await missing(29, 32)).toEqual([1, 10]);
      for (const [since, until] of [
        [0, 28],
        [40, 70],
        [61, 100],
      ] as const) {
        expect(await missing(since, until)).toEqual([0, 0]);
      }
      await commit([sections[30]!]);
      expect(await missing(0, 130)).toEqual([0, 0]);
      expect(await missing(20, 40)).toEqual([0, 0]);
    });

    it('takes back what the next epoch told missing, though it comes in pieces and in no order', async () => {
      await commit([section('tail', 0), section('tail', 3)]);
      const ended = { captured: 80, kept: 80, lost: 0, dropped: 0, aliveAtMs: Number(startNs / 1_000_000n) + 8000 };
      await commit([section('tail', 0, { epoch: 2, counters: { before: { epoch: 1, ...ended } } })]);
      const missing = async () => {
        const { sectionsMissing, packetsMissing } = await all({ agent: 'tail' });
        return [sectionsMissing, packetsMissing];
      };
      expect(await missing()).toEqual([2, 60]);
      await commit([section('tail', 6)]);
      // Of 4 to 7 the packets were known to be missing; that two of them are sections is new.
      expect(await missing()).toEqual([4, 50]);
      await commit([section('tail', 4), section('tail', 2)]);
      expect(await missing()).toEqual([2, 30]);
      await commit([section('tail', 7)]);
      expect(await missing()).toEqual([2, 20]);
      await commit([section('tail', 1), section('tail', 5)]);
      expect(await missing()).toEqual([0, 0]);
    });

    it('counts what was lost with an agent’s process, by the word of the next one', async () => {
      await commit([section('killed', 0)]);
      const before = { epoch: 1, captured: 14, lost: 4, dropped: 2, aliveAtMs: Number(startNs / 1_000_000n) + 5000 };
      await commit([section('killed', 0, { epoch: 2, counters: { before } })]);
      await commit([section('killed', 1, { epoch: 2, counters: { before } })]);
      expect(await all({ agent: 'killed' })).toEqual({ ...NOTHING, lostByAgents: 4, droppedByKernel: 2 });
    });

    it('answers with figures that a number can hold, whatever agents say', async () => {
      const most = 999_999_999_999_999;
      const before = (epoch: number) => ({
        epoch,
        captured: most,
        kept: most,
        lost: most,
        dropped: most,
        aliveAtMs: most,
      });
      const epochs = Array.from({ length: 20 }, (_, n) => n + 2);
      await commit(epochs.map((epoch) => section('boasting', 0, { epoch, counters: { before: before(epoch - 1) } })));
      const figures = { droppedByKernel: Number.MAX_SAFE_INTEGER, lostByAgents: Number.MAX_SAFE_INTEGER };
      expect(await all({ agent: 'boasting', untilNs: 2n ** 63n - 1n })).toMatchObject(figures);
      const [boasting] = await ledger.accounts(1, 'boastin');
      expect(boasting).toMatchObject({ losses: figures });
    });

    it('counts what agents left out, by about the time of it', async () => {
      const counters = (seq: number, leftOut: number) => ({ captured: 10 * (seq + 1) + leftOut });
      await commit([section('sampling', 0, { counters: counters(0, 40) })]);
      await commit([section('sampling', 1, { counters: counters(1, 90) })]);
      await commit([section('sampling', 3000, { counters: counters(3000, 100) })]);
      const leftOut = async (query: object) => (await all({ agent: 'sampling', ...query })).leftOutByAgents;
      expect(await leftOut({})).toBe(100);
      expect(await leftOut({ untilNs: startNs + SECOND_NS / 2n })).toBe(90);
      expect(await leftOut({ sinceNs: startNs + 1200n * SECOND_NS })).toBe(10);
      const [account] = await ledger.accounts(1, 'samplin');
      expect(account?.epochs).toMatchObject([{ captured: 30_110, leftOut: 100 }]);
    });

    it('counts records in quarantine, and those that the log gave up', async () => {
      const poison: QuarantineRow = {
        ...{ offset: 1n, reason: 'crc-mismatch', detail: '', agent: 'poison', key: 'poison', headers: {} },
        ...{ tsMinNs: startNs, tsMaxNs: startNs, body: Uint8Array.of(1) },
      };
      const loss: LossRow = { firstOffset: 5n, endOffset: 12n, reason: 'retention', detail: '' };
      await commit([], { quarantined: [poison], losses: [loss] });
      expect(await all({ agent: 'poison' })).toEqual({ ...NOTHING, recordsQuarantined: 1, recordsLost: 7 });
      // Lost records are younger than what was stored of the partition before them.
      expect(await all({ agent: 'poison', untilNs: startNs + 60n * SECOND_NS })).toMatchObject({ recordsLost: 0 });
    });

    it('names the parts of the range whose packets were given up', async () => {
      const hour = (n: number) => startNs - BigInt(10 - n) * 3600n * SECOND_NS;
      const spans = [
        [hour(0), hour(1) + 5n],
        [hour(1), hour(2)],
        [hour(5), hour(6)],
      ] as const;
      for (const [index, [min, max]] of spans.entries()) {
        await pool.query(
          `INSERT INTO analytics.not_retained (class, ingested_from, ingested_to, ts_min, ts_max, rows, bytes, reason)
           VALUES ('section', $1, $1, $2, $3, 10, 1, 'age')`,
          [new Date(index), min, max],
        );
      }
      const { notRetained } = await all({ sinceNs: hour(0) + SECOND_NS, untilNs: nowNs });
      expect(notRetained).toEqual([
        { since: formatInstantNs(hour(5)), until: formatInstantNs(hour(6)), sections: 10 },
        { since: formatInstantNs(hour(0) + SECOND_NS), until: formatInstantNs(hour(2)), sections: 20 },
      ]);
      expect((await all()).notRetained).toBeUndefined();
      expect((await all({ sinceNs: hour(0), untilNs: nowNs, from: 'flow' })).notRetained).toBeUndefined();
      await pool.query("UPDATE analytics.not_retained SET class = 'flow' WHERE ts_min = $1", [hour(5)]);
      const flows = [{ since: formatInstantNs(hour(5)), until: formatInstantNs(hour(6)) }];
      expect((await all({ sinceNs: hour(0), untilNs: nowNs, from: 'flow' })).notRetained).toEqual(flows);
    });

    it('lists each agent with what became of its packets', async () => {
      const accounts = await ledger.accounts(2, 'late');
      expect(accounts.map(({ agent }) => agent)).toEqual(['sampling', 'tail']);
      const [evicting] = await ledger.accounts(1, 'dropping');
      expect(evicting).toMatchObject({
        epochs: [{ epoch: 1, sections: 3, packets: 30, captured: 60, lastSeq: 5 }],
        losses: { sectionsMissing: 3, packetsMissing: 30 },
        missing: [
          { epoch: 1, first: 1, last: 2 },
          { epoch: 1, first: 4, last: 4 },
        ],
      });
    });
  });
});
