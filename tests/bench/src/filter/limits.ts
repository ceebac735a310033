import { convertedLength, encodeProgram, type Program } from '@bpfleet/bpf';
import { BpfleetError } from '@bpfleet/errors';
import { KernelVerdicts } from '@bpfleet/linux';
import { type CompileOptions, compile } from '@bpfleet/pcap-filter';
import { type Random, seededRandom } from '@bpfleet/test-environment/live-traffic';
import { judged, type MeasuredRow } from '../benchmark.js';
import { fixedExpressions, randomExpressions } from './expressions.js';
import { hostileInputs } from './hostile-inputs.js';

const HOSTILE_CHARACTERS = 65_536;
const RANDOM_EXPRESSIONS = 2000;
const MOST_ADDRESSES = 4096;

export const limitsWorkload =
  `sets: random addresses, as many as compile and as this kernel attaches on its limits, by halves; hostile: ${hostileInputs.length} kinds ` +
  'of 64 KiB, each once; optimising: the fixed expressions and as many random ones, their programs compared with the plain ones';

/** What the compiler must never exceed, and what it must reach. */
export function measureLimits(bench: string, seed: number, forms: readonly CompileOptions[]): MeasuredRow[] {
  return [...largestSets(bench, seed), slowestHostile(bench, forms), dearerWhenOptimised(bench, seed)];
}

function largestSets(bench: string, seed: number): MeasuredRow[] {
  const kernel = KernelVerdicts.open();
  const addresses = randomAddresses(seededRandom(seed));
  const row = (head: string, name: string, bar: number) => {
    const value = largestSet(kernel, head, addresses);
    const common = { bench, unit: 'addresses', peer: null, better: 'more', spread: [value, value] } as const;
    return judged({ ...common, row: `largest set, ${name}`, value, ratio: value, n: 1, bar, goal: bar });
  };
  try {
    return [row('ip src host', 'one field', 3500), row('ip host', 'src or dst', 1700)];
  } finally {
    kernel.close();
  }
}

function largestSet(kernel: KernelVerdicts, head: string, addresses: readonly string[]): number {
  let fits = 0;
  let tooMany = addresses.length + 1;
  while (tooMany - fits > 1) {
    const count = (fits + tooMany) >>> 1;
    const program = programOf(`${head} in {${addresses.slice(0, count).join(', ')}}`);
    if (program !== undefined && attaches(kernel, program)) fits = count;
    else tooMany = count;
  }
  return fits;
}

function attaches(kernel: KernelVerdicts, program: Program): boolean {
  try {
    kernel.attach(encodeProgram(program));
    return true;
  } catch {
    return false;
  }
}

function randomAddresses(random: Random): readonly string[] {
  const octet = () => Math.floor(random() * 256);
  const found = new Set<string>();
  while (found.size < MOST_ADDRESSES) found.add([octet(), octet(), octet(), octet()].join('.'));
  return [...found];
}

function slowestHostile(bench: string, forms: readonly CompileOptions[]): MeasuredRow {
  const times = hostileInputs.flatMap(({ write }) => {
    const text = write(HOSTILE_CHARACTERS);
    return forms.map((form) => {
      const start = performance.now();
      programOf(text, form);
      return performance.now() - start;
    });
  });
  const ms = Math.max(...times);
  const spread = [Math.min(...times), ms] as const;
  const common = { bench, unit: 'ms', peer: null, better: 'less', spread, n: times.length } as const;
  return judged({ ...common, row: 'slowest of 64 KiB of hostile input', value: ms, ratio: ms, bar: 1000, goal: 500 });
}

function dearerWhenOptimised(bench: string, seed: number): MeasuredRow {
  const expressions = [...fixedExpressions(), ...randomExpressions(seededRandom(seed), RANDOM_EXPRESSIONS)];
  let compared = 0;
  let dearer = 0;
  for (const expression of expressions) {
    const optimised = programOf(expression);
    const plain = programOf(expression, { optimize: false });
    if (optimised === undefined || plain === undefined) continue;
    compared++;
    if (convertedLength(optimised) > convertedLength(plain)) dearer++;
  }
  const common = { bench, unit: 'expressions', peer: null, better: 'less', spread: [dearer, dearer] } as const;
  return judged({
    ...common,
    row: 'dearer when optimised',
    value: dearer,
    ratio: dearer,
    n: compared,
    bar: 0,
    goal: 0,
  });
}

/** Undefined where the compiler refuses; anything else it throws is a fault. */
function programOf(expression: string, options: CompileOptions = {}): Program | undefined {
  try {
    return compile(expression, options).program;
  } catch (error) {
    if (error instanceof BpfleetError) return undefined;
    throw error;
  }
}
