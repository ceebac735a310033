import { convertedLength, fromTuples } from '@bpfleet/bpf';
import { BpfleetError } from '@bpfleet/errors';
import { Libpcap } from '@bpfleet/linux';
import { compile } from '@bpfleet/pcap-filter';
import { judged, type MeasuredRow } from '../benchmark.js';
import { fixedExpressions } from './expressions.js';

/** Our program's cost once converted, against that of libpcap's optimised program of the same expression. */
export interface Compared {
  readonly expression: string;
  readonly ours: number;
  readonly theirs: number;
}

export const costWorkload =
  'fixed expressions of one and two terms on Ethernet, offline form; cost: instructions once the kernel has converted them; ' +
  'peer: libpcap, optimised';

/** Of every expression that both compile. */
export function compareCosts(libpcap: Libpcap): readonly Compared[] {
  return fixedExpressions().flatMap((expression) => {
    const theirs = libpcap.compile(expression, { optimize: true });
    if ('refusal' in theirs) return [];
    const ours = compiled(expression);
    if (ours === undefined) return [];
    return [{ expression, ours: convertedLength(ours), theirs: convertedLength(fromTuples(theirs.program)) }];
  });
}

function compiled(expression: string) {
  try {
    return compile(expression).program;
  } catch (error) {
    // What can never match has no cost; libpcap sees fewer of them.
    if (error instanceof BpfleetError && error.code === 'NEVER_MATCHES') return undefined;
    throw error;
  }
}

export function measureCosts(bench: string): MeasuredRow[] {
  const compared = compareCosts(Libpcap.open());
  const ratios = compared.map(({ ours, theirs }) => ours / theirs);
  const mean = Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length);
  const worst = Math.max(...ratios);
  const spread = [Math.min(...ratios), worst] as const;
  const common = { bench, unit: 'ours / libpcap', peer: null, better: 'less', spread, n: ratios.length } as const;
  return [
    judged({ ...common, row: 'converted cost, geometric mean', value: mean, ratio: mean, bar: 1, goal: 0.85 }),
    judged({ ...common, row: 'converted cost, worst', value: worst, ratio: worst, bar: 1.25, goal: 1 }),
  ];
}
