import type { Libpcap } from '@bpfleet/linux';
import { compareExpression, differsToo, hasTwoSides, smallestOf } from './comparison.js';
import type { Coverage } from './expressions/coverage.js';
import { newCoverage, type RandomExpression, randomExpression } from './expressions/expressions.js';
import { printFigures } from './figures.js';
import type { LinkForm } from './link-types.js';
import type { Compile } from './ours.js';
import type { Random } from './random.js';
import { reproduction } from './shrink/reproduction.js';

const SHRUNK = 40;

export interface VerdictReport {
  expressions: number;
  /** Expressions both compile. */
  compared: number;
  refusedByBoth: number;
  /** Pairs of expression and packet. */
  pairs: number;
  apart: number;
  leftOut: number;
  /** By why; see `Judgement`. */
  readonly excluded: Map<string, number>;
  /** Pairs on which libpcap's optimiser contradicts its own plain form on a packet long enough for both. */
  theirOptimiserFaults: number;
  /** Expressions of which at least 5 % of the packets were accepted, and 5 % refused. */
  bothSides: number;
  readonly coverage: Coverage;
  readonly known: Map<string, number>;
  readonly differences: string[];
  /** Expressions whose optimised form costs more than the plain one, with the link type. */
  readonly dearer: string[];
}

export interface VerdictRunOptions {
  readonly compile: Compile;
  readonly expressions: number;
  readonly packets: number;
  /** The compiler without the fault that `compile` has: what both differ in does not count. */
  readonly sound?: Compile;
  /** Default true: the first differences are shown as small as they get. */
  readonly shrink?: boolean;
  readonly among?: readonly LinkForm[];
  /** Ends the run early. */
  readonly stopWhen?: (report: VerdictReport) => boolean;
}

/** Compares random expressions on random packets with libpcap, and counts what it was shown. */
export function verdictRun(libpcap: Libpcap, random: Random, options: VerdictRunOptions): VerdictReport {
  const steering = newCoverage();
  const report: VerdictReport = {
    expressions: 0,
    compared: 0,
    refusedByBoth: 0,
    pairs: 0,
    apart: 0,
    leftOut: 0,
    excluded: new Map(),
    theirOptimiserFaults: 0,
    bothSides: 0,
    coverage: newCoverage(),
    known: new Map(),
    differences: [],
    dearer: [],
  };
  while (report.expressions < options.expressions && !options.stopWhen?.(report)) {
    const expression = draw(libpcap, random, steering, options.among);
    steering.add(expression.productions);
    const result = compareExpression(libpcap, expression, random, options);
    report.expressions++;
    for (const name of result.known) report.known.set(name, (report.known.get(name) ?? 0) + 1);
    for (const difference of result.differences) {
      // Enough to see what is wrong; each takes some hundred compilations.
      if (options.sound !== undefined && differsToo(libpcap, options.sound, difference)) continue;
      const shown =
        options.shrink !== false && report.differences.length < SHRUNK
          ? smallestOf(libpcap, options.compile, difference)
          : difference;
      report.differences.push(reproduction(shown));
    }
    if (result.outcome === 'refused by both') report.refusedByBoth++;
    if (result.outcome !== 'compared') continue;
    report.compared++;
    // Only what was compared counts: a production that ends in refusals is not covered.
    report.coverage.add(expression.productions);
    report.pairs += result.packets;
    report.apart += result.judgements.apart;
    report.leftOut += result.judgements['left out'];
    for (const [judgement, count] of Object.entries(result.judgements)) {
      if (judgement.startsWith('excluded'))
        report.excluded.set(judgement, (report.excluded.get(judgement) ?? 0) + count);
    }
    report.theirOptimiserFaults += result.judgements['equal to the plain form alone'];
    if (result.isDearer) report.dearer.push(`${expression.form.name}: ${expression.text}`);
    const share = result.accepted / result.packets;
    if (share >= 0.05 && share <= 0.95) report.bothSides++;
  }
  return report;
}

/** One in eight of those that seem to answer all packets alike is kept: that they do is worth testing too. The empty one is rare. */
function draw(libpcap: Libpcap, random: Random, steering: Coverage, among?: readonly LinkForm[]): RandomExpression {
  for (;;) {
    const expression = randomExpression(random, steering, among);
    if (expression.text === '' || random.below(8) === 0 || hasTwoSides(libpcap, expression, random)) return expression;
  }
}

/** Entries of a table inside one production: each is one line of a test of its own, not a way through the compiler. */
const isTableEntry = (name: string) => /^(1\.8 named value|31 subtype .)/.test(name);

/** Productions and link types that were compared less often than this. */
export function coveredBelow({ coverage }: VerdictReport, least: number): string[] {
  return coverage.rows().flatMap(([name, count]) => (count < least && !isTableEntry(name) ? [`${name} ${count}`] : []));
}

export function printReport(report: VerdictReport, seed: number): void {
  const percent = (part: number, of: number) => `${((100 * part) / of).toFixed(2)} %`;
  const isName = ([name]: readonly [string, number]) => isTableEntry(name);
  const all = report.coverage.rows();
  const [rows, names] = [all.filter((row) => !isName(row)), all.filter(isName)];
  const listed = (list: readonly (readonly [string, number])[]) =>
    list.map(([name, count]) => `${name} ${count}`).join(', ');
  printFigures(
    seed,
    [
      `${report.expressions} expressions (${report.compared} compared, ${report.refusedByBoth} refused by both)`,
      `${report.pairs} pairs, apart ${report.apart} (${percent(report.apart, report.pairs)}), left out ${report.leftOut} (${percent(report.leftOut, report.pairs)}), ${[...report.excluded].map(([why, count]) => `${why} ${count}`).join(', ')}`,
      `both sides (5 % accepted, 5 % refused): ${percent(report.bothSides, report.compared)} of the expressions`,
      `libpcap's optimiser contradicts its plain form: ${report.theirOptimiserFaults} pairs`,
      `dearer when optimised: ${report.dearer.length}`,
      `unexplained ${report.differences.length}; known: ${[...report.known].map(([name, count]) => `${name} ${count}`).join(', ') || 'none'}`,
      `coverage: ${rows.filter(([, count]) => count >= 50).length} of ${rows.length} productions and link types 50 times or more; rarest: ${listed(rows.filter(([, count], index) => index < 8 || (index < 100 && count < 50)))}`,
      `names in tables: ${names.length}, the rarest ${listed(names.slice(0, 5))}; never reached: ${listed(all.filter(([, count]) => count === 0)) || 'nothing'}`,
    ].join('\n'),
  );
}
