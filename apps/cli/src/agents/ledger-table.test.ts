import type { Agent } from '@bpfleet/contract';
import { expect, it } from 'vitest';
import type { Terminal } from '../terminal.js';
import { ledgerTables } from './ledger-table.js';

const terminal = { now: () => 1000, out: { isTTY: false }, env: {} } as unknown as Terminal;
const agentWith = (more: object) =>
  ({
    lastHeardAt: new Date(0).toISOString(),
    status: {
      epoch: 7,
      ledger: {
        sockets: [],
        filters: [],
        agent: {
          ...{ captured: 0, spooledSections: 0, spooledPackets: 0, carriedSections: 125, carriedPackets: 60_000 },
          ...{ sentSections: 123, sentPackets: 58_867, evictedSections: 0, evictedPackets: 0, ...more },
        },
      },
    },
  }) as unknown as Agent;
const rowsOf = (more: object) =>
  ledgerTables(agentWith(more), terminal)
    .split('\n')
    .flatMap((line) => /^(damaged|waiting) +(\d+) +(\d+)$/.exec(line.trim())?.slice(1, 4).join(' ') ?? []);

it('shows what is damaged by itself, and not as waiting', () => {
  expect(rowsOf({ damagedSections: 2, damagedPackets: 1133 })).toEqual(['damaged 2 1133', 'waiting 0 0']);
});
it('has no row for it where nothing is, or where an agent does not tell', () => {
  expect(rowsOf({})).toEqual(['waiting 2 1133']);
});
