import { compile } from '@bpfleet/pcap-filter';
import { expect, it } from 'vitest';
import { suiteRequires } from '../environment/src/requirements.js';
import { differencesAtLoadEnds } from './comparison.js';
import { SETTLED } from './expressions/arithmetic.js';
import { newCoverage, type RandomExpression, randomExpression } from './expressions/expressions.js';
import { installedLibpcap } from './oracle/oracle.js';
import { Random, seedOfRun } from './random.js';
import { shareWithin } from './share.js';
import { reproduction } from './shrink/reproduction.js';
import { coveredBelow, printReport, verdictRun } from './verdict-run.js';

const EXPRESSIONS = Number(process.env.BPFLEET_TEST_EXPRESSIONS) || 400;
/** From so many expressions on the bars are those of the whole comparison. */
const WHOLE = 7000;
/** Expressions whose packets are cut at every load. */
const CUT_EXPRESSIONS = 150;
const PACKETS = Number(process.env.BPFLEET_TEST_PACKETS) || 60;

suiteRequires('verdicts of random expressions', { libpcap: installedLibpcap() }, ({ libpcap: { libpcap } }) => {
  const seed = seedOfRun();

  it(`are those of libpcap (BPFLEET_TEST_SEED=${seed})`, { timeout: 1_800_000 }, () => {
    const report = verdictRun(libpcap, new Random(seed), { compile, expressions: EXPRESSIONS, packets: PACKETS });
    printReport(report, seed);
    expect(report.differences.slice(0, 40)).toEqual([]);
    expect(report.dearer.slice(0, 10)).toEqual([]);
    const isWhole = EXPRESSIONS >= WHOLE;
    const excused = (report.apart + report.leftOut) / report.pairs;
    expect(isWhole ? excused : shareWithin(excused, report.compared).least).toBeLessThan(0.02);
    // A test that never sees a match would agree with anything.
    const bothSides = report.bothSides / report.compared;
    expect(isWhole ? bothSides : shareWithin(bothSides, report.compared).most).toBeGreaterThan(0.8);
    // Fewer expressions do not reach every way through the compiler so often.
    if (isWhole) expect(coveredBelow(report, 50)).toEqual([]);
  });

  it(`are so where a packet ends in front of what was asked for (BPFLEET_TEST_SEED=${seed})`, () => {
    const random = new Random(seed);
    const drawn = newCoverage();
    const settled: RandomExpression[] = [];
    // A question that any number answers: its load must stay, and be missed, though the answer is known.
    while (settled.length < CUT_EXPRESSIONS) {
      const expression = randomExpression(random, drawn);
      if (expression.productions.has(SETTLED)) settled.push(expression);
    }
    const found = settled.map((one) => differencesAtLoadEnds(libpcap, one, random, { compile, packets: 8 }));
    expect(found.flatMap(({ differences }) => differences.map(reproduction))).toEqual([]);
    expect(found.filter(({ pairs }) => pairs > 0).length).toBeGreaterThan(CUT_EXPRESSIONS / 4);
  });
});
