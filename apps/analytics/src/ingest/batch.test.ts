import type { ReceivedRecord } from '@bpfleet/bus';
import { describe, expect, it } from 'vitest';
import { makeSection, NOW_MS, NOW_NS, recordOf } from '../testing/sections.js';
import { prepareBatch } from './batch.js';
import { DropCounters } from './drop-counters.js';

const section = (seq: number, kernelDropped = 0) =>
  makeSection({ agent: 'host-1', epoch: 1, seq, filter: 'web@3', atNs: [NOW_NS], kernelDropped });
const prepared = (records: readonly ReceivedRecord[]) =>
  prepareBatch(records, NOW_MS, new DropCounters(), () => ({ sessionKey: 'a key' }));

describe('prepareBatch', () => {
  it('makes a row of each section, with its place in the log', async () => {
    const [first, second] = [section(0, 3), section(1, 5)];
    const { sections, quarantined } = await prepared([recordOf(first, 40n), recordOf(second, 41n)]);
    expect(quarantined).toEqual([]);
    expect(sections).toMatchObject([
      { ...first.header, offset: 40n, droppedByKernel: 3, clockSuspect: false },
      { ...second.header, offset: 41n, droppedByKernel: 2 },
    ]);
    expect(sections.map(({ body }) => body)).toEqual([first.value, second.value]);
  });
  it('puts a poison record aside and takes those around it', async () => {
    const poison = { ...recordOf(section(1), 1n), value: new Uint8Array([1, 2, 3]) };
    const { sections, quarantined } = await prepared([recordOf(section(0), 0n), poison, recordOf(section(2), 2n)]);
    expect(sections.map(({ seq }) => seq)).toEqual([0, 2]);
    expect(quarantined).toMatchObject([{ offset: 1n, reason: 'crc-mismatch', key: 'host-1', body: poison.value }]);
    expect(quarantined[0]?.headers).toEqual(poison.headers);
  });
  it('makes the text of a poison record fit for Postgres', async () => {
    const poison = { ...recordOf(section(0)), key: 'a\0b', headers: { 'x\0': '\ud800', long: 'x'.repeat(200_000) } };
    const [row] = (await prepared([poison])).quarantined;
    expect(row?.key).toBe('a\u{FFFD}b');
    expect(row?.headers).toEqual({ 'x\u{FFFD}': '\u{FFFD}', long: 'x'.repeat(131_073) });
  });
  it('keeps all that a valid record says, so that it can be published again', async () => {
    const versions = Array.from({ length: 1600 }, (_, n) => `${'f'.repeat(70)}-${n}@1`);
    const { header, value } = section(0);
    const record = recordOf({ header: { ...header, filters: versions }, value });
    const unknown = () => ({ reason: 'unknown-key', detail: '' }) as const;
    const [row] = (await prepareBatch([record], NOW_MS, new DropCounters(), unknown)).quarantined;
    expect(row).toMatchObject({ reason: 'unknown-key', headers: record.headers });
    const tooLong = { ...record, headers: { ...record.headers, filters: 'web@10,'.padStart(131_074, 'x') } };
    const [again] = (await prepared([tooLong])).quarantined;
    const retried = { ...tooLong, headers: again!.headers };
    expect((await prepared([retried])).quarantined).toMatchObject([{ reason: 'headers' }]);
  });
  it('keeps what was read of each section', async () => {
    const { sections, described } = await prepared([0, 1].map((seq) => recordOf(section(seq), BigInt(seq))));
    expect(sections.map((row) => described.get(row)?.packets)).toEqual([1, 1]);
  });
});
