import { BpfleetError } from '@bpfleet/errors';
import type { Command } from 'commander';
import { classicProgram } from '../language/classic-program.js';
import { compileOptions, type LanguageOptions, withLanguage } from '../language/language-options.js';
import { expressionOf } from '../report-error.js';
import { print, type Terminal } from '../terminal.js';
import { readProgramText } from './program-file.js';

interface ExplainOptions extends LanguageOptions {
  readonly program?: string;
  readonly json?: boolean;
}

/** `bpfleet explain EXPR` and `bpfleet explain --program FILE`. */
export function explain(parent: Command, terminal: Terminal): void {
  const command = parent
    .command('explain')
    .argument('[expression...]', 'a pcap-filter expression')
    .description('say in words what an expression or a program does, what it costs and what surprises people')
    .option('--program <file>', 'a program instead: tcpdump -d, -dd or -ddd, JSON, or bpf_asm; - is standard input')
    .option('--json', 'as JSON');
  withLanguage(command).action(async (words: string[], options: ExplainOptions): Promise<void> => {
    if (options.program !== undefined && words.length > 0) command.error('error: give an expression or --program');
    const { explanation, text, refusal } =
      options.program === undefined
        ? await ofExpression(words.join(' '), options)
        : await ofProgram(options.program, options, terminal);
    await print(terminal.out, options.json ? `${JSON.stringify(explanation, null, 2)}\n` : `${text}\n`);
    // What can be said of an invalid program was said.
    if (refusal !== undefined) throw new BpfleetError('PROGRAM_INVALID', `the kernel refuses it: ${refusal}`);
  });
}

async function ofExpression(expression: string, options: LanguageOptions) {
  const { explainExpression, renderExplanation } = await import('@bpfleet/pcap-filter');
  const compile = await compileOptions(options);
  const explanation = await expressionOf(expression, async () => explainExpression(expression, compile));
  return { explanation, text: renderExplanation(explanation), refusal: undefined };
}

async function ofProgram(path: string, { linktype: linkType }: LanguageOptions, terminal: Terminal) {
  const { explainProgram, renderProgramExplanation } = await import('@bpfleet/pcap-filter');
  const explanation = explainProgram(await classicProgram(await readProgramText(path, terminal)), { linkType });
  return { explanation, text: renderProgramExplanation(explanation), refusal: explanation.refusal };
}
