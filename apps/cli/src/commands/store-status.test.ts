import type { StoreStatus } from '@bpfleet/contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeFleet } from '../fakes/fake-fleet.js';
import { runCommand } from '../fakes/fake-terminal.js';

const GIB = 1024 ** 3;
const status: StoreStatus = {
  classes: [
    {
      ...{ class: 'section', rows: 25_000, bytes: 1.5 * GIB, oldest: '2026-11-28T10:00:00.000Z' },
      ...{
        newest: '2026-11-29T06:00:00.000Z',
        partitions: 23,
        partitionsAhead: 2,
        keepHours: 168,
        keepBytes: 50 * GIB,
      },
      ...{ bytesPerHour: 0.5 * GIB, hoursToLimit: 97, givenUpTo: '2026-11-28T10:00:00.000Z' },
    },
    { class: 'loss', rows: 0, bytes: 16_384, partitions: 0, partitionsAhead: 0, keepHours: 8760 },
  ],
  positions: [
    {
      ...{ log: 'kafka-1/a', partition: 3, next: 1200, lagRecords: 7, measuredAt: '2026-11-29T06:10:00.000Z' },
      ...{ owner: 'db-1/77', takenAt: '2026-11-29T05:00:00.000Z' },
    },
    { log: 'kafka-1/a', partition: 4, next: 0, owner: 'db-1/77', takenAt: '2026-11-29T05:00:00.000Z' },
  ],
  dedupe: { epochs: 4, ranges: 5 },
  quarantined: 2,
  leaving: [],
};

describe('store status', () => {
  let fleet: FakeFleet;
  let server: string;
  beforeEach(async () => {
    fleet = new FakeFleet();
    fleet.storeStatus = status;
    server = await fleet.start();
  });
  afterEach(() => fleet.stop());
  const run = (...args: string[]) => runCommand(['store', 'status', '--server', server, ...args]);

  it('shows each class with its limits, and each partition with its lag', async () => {
    const { out, code } = await run();
    expect(code).toBe(0);
    expect(out).toBe(
      [
        'CLASS     ROWS     SIZE   LIMIT  PER HOUR  FULL IN  KEPT FOR  OLDEST                    NEWEST                    PARTITIONS  AHEAD  GONE BEFORE',
        'section  25000  1.5 GiB  50 GiB   512 MiB       4d        7d  2026-11-28T10:00:00.000Z  2026-11-29T06:00:00.000Z          23      2  2026-11-28T10:00:00.000Z',
        'loss         0   16 KiB                                 365d                                                               0      0',
        '',
        'PARTITION  NEXT  LAG  MEASURED                  OWNER    LOG',
        '        3  1200    7  2026-11-29T06:10:00.000Z  db-1/77  kafka-1/a',
        '        4     0    ?                            db-1/77  kafka-1/a',
        '',
        'Repeated sections are known by 5 ranges in 4 epochs; 2 records in quarantine',
        '',
      ].join('\n'),
    );
  });

  it('tells of partitions that were given up and are still read', async () => {
    fleet.storeStatus = { ...status, leaving: ['section_2026112810'] };
    expect((await run()).out).toContain('Given up, and still read: section_2026112810\n');
  });

  it('counts logs that have ended, as each run in one process and each imported file does', async () => {
    const at = (log: string, takenAt: string, measuredAt?: string) => ({
      ...{ log, partition: 0, next: 9, owner: 'db-1/7', takenAt },
      ...(measuredAt === undefined ? {} : { measuredAt }),
    });
    fleet.storeStatus = {
      ...status,
      positions: [
        at('import sha256:00', '2026-11-30T00:00:00.000Z'),
        // Two deployments on one database, and two runs of before.
        at('read', '2026-11-01T05:00:00.000Z', '2026-11-29T06:10:00.000Z'),
        { ...at('read', '2026-11-01T05:00:00.000Z'), partition: 1 },
        at('read too', '2026-11-20T05:00:00.000Z', '2026-11-29T06:09:00.000Z'),
        at('run 1', '2026-11-28T05:00:00.000Z', '2026-11-28T06:10:00.000Z'),
        at('run 2', '2026-11-29T05:00:00.000Z'),
      ],
    };
    const { out } = await run();
    const shown = out.split('\n').filter((line) => line.includes('db-1/7'));
    expect(shown.map((line) => line.split('db-1/7')[1]!.trim())).toEqual(['read', 'read', 'read too']);
    expect(out).toContain('Read no more: 3 other logs; -o json has their positions\n');
  });

  it('prints the answer as it is', async () => {
    expect(JSON.parse((await run('-o', 'json')).out)).toEqual(status);
  });
});
