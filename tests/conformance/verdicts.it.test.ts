import { compile } from '@bpfleet/pcap-filter';
import { expect, it } from 'vitest';
import { suiteRequires } from '../environment/src/requirements.js';
import { installedLibpcap } from './oracle/oracle.js';
import { Random, seedOfRun } from './random.js';
import { printReport, verdictRun } from './verdict-run.js';

const EXPRESSIONS = Number(process.env.BPFLEET_TEST_EXPRESSIONS) || 400;
const PACKETS = Number(process.env.BPFLEET_TEST_PACKETS) || 60;

suiteRequires('verdicts of random expressions', { libpcap: installedLibpcap() }, ({ libpcap: { libpcap } }) => {
  const seed = seedOfRun();

  it(`are those of libpcap (BPFLEET_TEST_SEED=${seed})`, { timeout: 1_800_000 }, () => {
    const report = verdictRun(libpcap, new Random(seed), { compile, expressions: EXPRESSIONS, packets: PACKETS });
    printReport(report, { seed, version: libpcap.version });
    expect(report.differences.slice(0, 40)).toEqual([]);
    expect((report.apart + report.leftOut) / report.pairs).toBeLessThan(0.02);
    // A test that never sees a match would agree with anything.
    expect(report.bothSides / report.compared).toBeGreaterThan(0.8);
  });
});
