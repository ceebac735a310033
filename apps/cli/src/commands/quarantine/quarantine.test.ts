import type { QuarantinedRecordDetail } from '@bpfleet/contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeFleet } from '../../fakes/fake-fleet.js';
import { runCommand } from '../../fakes/fake-terminal.js';

let fleet: FakeFleet;
let server: string;
beforeEach(async () => {
  fleet = new FakeFleet();
  server = await fleet.start();
  fleet.quarantine = [record('8'), record('7')];
});
afterEach(() => fleet.stop());

const record = (id: string): QuarantinedRecordDetail => ({
  ...{ id, quarantinedAt: '2026-11-22T10:00:00.000Z', reason: 'crc-mismatch', detail: 'CRC-32 of the value is 1' },
  ...{ agent: 'host-1', key: 'host-1', partition: 3, offset: '41', sizeBytes: 18 },
  ...{ headers: { agent: 'host-1', seq: '\u001b[31m7' }, hex: '0a0d0d0a'.repeat(4).concat('ffff') },
});
const quarantine = (...args: string[]) => runCommand(['quarantine', ...args, '--server', server]);

describe('quarantine', () => {
  it('lists records with their reason', async () => {
    const { code, out } = await quarantine('list', '--reason', 'crc-mismatch', '-n', '5');
    expect(code).toBe(0);
    expect(fleet.requests).toEqual(['GET /api/v1/quarantine?reason=crc-mismatch&limit=5']);
    expect(out.split('\n')[1]).toMatch(/8 {2}2026-\S+ {2}host-1 +18 {2}crc-mismatch {2}CRC-32 of the value is 1/);
  });

  it('shows one with its headers and first bytes, and nothing that a terminal obeys', async () => {
    const { out } = await quarantine('show', '8');
    expect(out).not.toContain('\u001b');
    expect(out).toContain('agent: host-1\n');
    expect(out).toContain('    0  0a 0d 0d 0a 0a 0d 0d 0a 0a 0d 0d 0a 0a 0d 0d 0a\n   16  ff ff\n');
  });

  it('retries each, and stops at one that is not there', async () => {
    const { code, out, err } = await quarantine('retry', '8', '9', '7');
    expect(code).toBe(1);
    expect(out).toBe('8 published again (it was crc-mismatch)\n');
    expect(err).toContain('NOT_FOUND');
    expect(fleet.quarantine.map(({ id }) => id)).toEqual(['7']);
  });
});
