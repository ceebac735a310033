import { describe, expect, it } from 'vitest';
import type { MeasuredRow, Result } from './benchmark.js';
import { align, humanReport, jsonLines } from './report.js';

const row: MeasuredRow = {
  ...{ bench: 'ingest', row: 'sections', value: 123_456.789, unit: 'packets/s', peer: 200_000 },
  ...{ bar: 0.5, goal: 0.7, better: 'more' as const, ok: true, ratio: 0.617, spread: [0.5, 0.65], n: 4 },
};

const result: Result = { workload: 'w', seed: 7, versions: { postgres: '18.4' }, rows: [row, row] };

describe('jsonLines', () => {
  it('prints one line per row with the fields that scripts read', () => {
    const fields =
      '{"bench":"ingest","row":"sections","value":123500,"unit":"packets/s","peer":200000,"bar":0.5,"goal":0.7,"better":"more","ok":true,"n":4,';
    const lines = jsonLines(result, 'npm run bench').split('\n');
    expect(lines.map((line) => line.slice(0, fields.length))).toEqual([fields, fields, '']);
  });
  it('names in each line what is needed to repeat it', () => {
    const [line] = jsonLines(result, 'npm run bench').split('\n') as [string];
    expect(JSON.parse(line)).toMatchObject({
      ...{ workload: 'w', seed: 7, command: 'npm run bench' },
      versions: { node: process.version, postgres: '18.4' },
      load: expect.stringMatching(/^[\d.]+ [\d.]+ [\d.]+$/),
      machine: expect.stringContaining('Linux'),
    });
  });
});

describe('humanReport', () => {
  const benchmark = { name: 'ingest', title: 'against a bare COPY', run: () => Promise.reject(new Error('not run')) };
  const report = (given: Partial<MeasuredRow>) =>
    humanReport(benchmark, { ...result, rows: [{ ...row, ...given }] }, 'npm run bench');

  it('says how far a row is', () => {
    expect(report({})).toMatch(/sections +123,457 +200,000 +packets\/s +0\.62 +0\.50…0\.65 +4 +≥ 0\.5 +0\.7 +ok\n/);
    expect(report({ ratio: 0.8 })).toContain('  goal\n');
    expect(report({ ok: false })).toContain('  MISSES THE BAR\n');
  });
  it('names what is needed to repeat it', () => {
    expect(report({})).toMatch(
      /workload +w\n(.*\n)+versions +node v.*, postgres 18\.4\nload .*\nseed +7\ncommand +npm run bench\n/,
    );
  });
});

describe('align', () => {
  it('puts figures on the right and words on the left', () => {
    expect(
      align([
        ['name', 'n'],
        ['a', '10'],
        ['long name', '7'],
      ]),
    ).toEqual(['name       n', 'a          10', 'long name   7']);
  });
});
