import { Command } from 'commander';
import type { Benchmark } from './benchmark.js';
import { benchmarks } from './benchmarks.js';
import { humanReport, jsonLines } from './report.js';

/** Per benchmark. Quick ends within 50 s: what remains is for starting and stopping. */
const BUDGET_MS = { quick: 40_000, full: 120_000 } as const;

interface Options {
  readonly quick: boolean;
  readonly json: boolean;
  readonly seed: number;
}

const program = new Command('bench')
  .description('Measures ours and a peer alternately in one run. Exit code 1 when a row is below its bar.')
  .argument('[name]', `one of: ${benchmarks.map(({ name }) => name).join(', ')}; all without a name`)
  .option('--quick', 'less time, wider spread', false)
  .option(
    '--json',
    'one line per row: bench, row, value, unit, peer, bar and goal (of value / peer), ok, n, and what it was measured with',
    false,
  )
  .option('--seed <number>', 'of the generated traffic', Number, 1)
  .action(run);

async function run(name: string | undefined, options: Options): Promise<void> {
  const chosen = benchmarks.filter((benchmark) => name === undefined || benchmark.name === name);
  if (chosen.length === 0) {
    program.error(`no benchmark ${name}; there are: ${benchmarks.map((one) => one.name).join(', ')}`, { exitCode: 2 });
  }
  for (const benchmark of chosen) await measure(benchmark, options);
}

async function measure(benchmark: Benchmark, { quick, json, seed }: Options): Promise<void> {
  const result = await benchmark.run({ budgetMs: quick ? BUDGET_MS.quick : BUDGET_MS.full, seed });
  const command = `npm run bench -- ${process.argv.slice(2).join(' ')}`.trim();
  process.stdout.write(json ? jsonLines(result, command) : humanReport(benchmark, result, command));
  if (result.rows.some(({ ok }) => !ok)) process.exitCode = 1;
}

await program.parseAsync();
