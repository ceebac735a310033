import { type Command, Option } from 'commander';
import { answerLines } from '../batch/lines.js';
import { refuseBesideBatch } from '../batch/only-batch.js';
import { compileOptions, type LanguageOptions, withLanguage } from '../language/language-options.js';
import { machineNames } from '../language/machine-names.js';
import { type Target, targets } from '../language/targets.js';
import { expressionOf } from '../report-error.js';
import { print, type Terminal } from '../terminal.js';

interface CompileCommandOptions extends LanguageOptions {
  readonly json?: boolean;
  readonly stages?: boolean;
  readonly batch?: boolean;
  readonly target: Target;
}

/** By how often -d was said. */
const DUMPS = ['d', 'd', 'dd', 'ddd'] as const;

/** `bpfleet compile EXPR`: offline, no server is asked. */
export function compile(parent: Command, terminal: Terminal): void {
  let dumps = 0;
  const command = parent
    .command('compile')
    .argument('[expression...]', 'a pcap-filter expression; every packet when left out')
    .description('compile an expression and print its program; works without a server')
    // commander reads -dd as -d twice, which is how it was meant anyway.
    .option('-d, --dump', 'as tcpdump: -d a listing, -dd C, -ddd decimal numbers (default: -d)')
    .option('--json', 'instructions as [code, jt, jf, k]')
    .option('--stages', 'what every stage of the compiler made of it')
    .addOption(new Option('--target <machine>', 'what runs it').choices(targets).default('cbpf'))
    .option('--batch', 'one JSON request a line on standard input, one answer a line')
    .on('option:dump', () => dumps++);
  withLanguage(command).action(async (words: string[], options: CompileCommandOptions): Promise<void> => {
    if (options.batch) {
      refuseBesideBatch(command, words, ['target']);
      return compileBatch(terminal, options.target);
    }
    if (dumps > 3) command.error('error: -ddd is the last of its kind');
    if (dumps > 0 && options.json) command.error('error: choose -d or --json');
    if (dumps > 0 && options.target !== 'cbpf') command.error('error: -d is for the target cbpf');
    if (options.json && options.target === 'js') command.error('error: the target js is printed as text');
    if (options.stages && (options.json || dumps > 0 || options.target !== 'cbpf')) {
      command.error('error: --stages prints all stages, as text and for cbpf');
    }
    const expression = words.join(' ');
    const { printed } = await import('../language/print-target.js');
    const language = await compileOptions(options);
    const { target, json = false, stages = false } = options;
    const text = await expressionOf(expression, async () =>
      printed(expression, language, { target, json, stages, dump: DUMPS[dumps] ?? 'd' }),
    );
    return print(terminal.out, text.endsWith('\n') ? text : `${text}\n`);
  });
}

/** @param target of the requests that name none */
async function compileBatch(terminal: Terminal, target: Target): Promise<void> {
  const [{ CompileRequest, compileOptionsOf, readRequest }, { compiledAsJson }, machine] = await Promise.all([
    import('../batch/requests.js'),
    import('../language/print-target.js'),
    machineNames(),
  ]);
  await answerLines(terminal, async (line) => {
    const request = readRequest(CompileRequest, line);
    return compiledAsJson(request.expr, compileOptionsOf(request, machine), request.target ?? target);
  });
}
